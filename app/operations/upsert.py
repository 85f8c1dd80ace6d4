"""Converge: the address that a key stands for, made if there is none, changed to what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.commands import UNSET, Caller, Traits, Wish, given
from app.domain.errors import ClaimChanged, OutcomeUnknown, StillWorking
from app.domain.inventory import Address, Changes, Json, Pool, PoolKind
from app.domain.translation import to_error
from app.domain.upstream import Missing, Stale, Unsure, UpstreamError
from app.ledger.ledger import Begun, Ledger, Overtaken, landed
from app.ledger.records import Entry, Event, State
from app.operations.allocate import Creation, Keys
from app.operations.answers import Result
from app.operations.events import denials_recorded, event_of
from app.operations.freeing import check_claim
from app.operations.keep import Keep, from_claim
from app.operations.numbers import as_held
from app.operations.plan import Planner, change_message, check_role
from app.operations.references import Named
from app.operations.states import States
from app.operations.turns import Turns
from app.telemetry.events import note

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Upsert:
    """PUT: keeps the address and changes what may change; another place is a conflict."""

    ledger: Ledger
    keys: Keys
    turns: Turns
    states: States
    keep: Keep
    creation: Creation
    convergence: "Convergence"

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """The allocation under the wish's key, as the wish wants it.

        Raises:
            BerthError: see `app.domain.errors`; a Refusal has changed nothing.
        """
        event = event_of(caller, "upsert", wish.key, wish)
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            wish = replace(wish, key=await self.keys.of(wish))
        event = replace(event, key=wish.key)
        note(key=wish.key)
        async with self.turns(wish.key):
            return await self._in_turn(caller, wish, event, dry_run=dry_run)

    async def _in_turn(self, caller: Caller, wish: Wish, event: Event, *, dry_run: bool) -> Result:
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            entry = await self.states.current(caller, wish.key)
            known = entry is not None and entry.state is State.DONE
            exists = known and entry is not None and await self.keep.held(caller, entry) is not None
        if entry is not None and exists:
            return await self.convergence(caller, wish, entry, event, dry_run=dry_run)
        if dry_run:
            return await self.creation.preview(caller, wish, entry, event)
        result = await self.creation(caller, wish, entry, event)
        adopted = None if result.created else await self.ledger.find(wish.key)
        if adopted is None:
            return result
        return await self.convergence(caller, wish, adopted, event, dry_run=False)


@dataclass(frozen=True, slots=True)
class Convergence:
    """Changes an allocation that exists. The caller holds the key's turn."""

    ledger: Ledger
    states: States
    keep: Keep
    planner: Planner

    async def __call__(
        self, caller: Caller, wish: Wish, entry: Entry, event: Event, *, dry_run: bool
    ) -> Result:
        """Read, compare, change; again if somebody changed the object in between.

        Raises:
            KeyConflict: what differs cannot change.
            OutcomeUnknown: NetBox may have made the change; send the request again.
        """
        for _ in range(_ATTEMPTS):
            async with denials_recorded(self.ledger, event, dry_run=dry_run):
                gap = await self._compare(caller, wish, entry)
            if dry_run:
                return Result(await self.keep.show(gap.wanted, _after(gap), wish.sent))
            try:
                return await self._close(wish, gap, event)
            except (Stale, Missing, Overtaken):
                entry = await self.ledger.find(entry.key) or entry
        raise StillWorking

    async def differs(self, caller: Caller, wish: Wish, address: Address) -> tuple[bool, bool]:
        """Whether something would have to change for the wish in NetBox, and whether in the ledger.

        Nothing is changed.

        Raises:
            Refusal: whatever stands against it.
        """
        entry = await self.ledger.find(wish.key)
        if entry is None or entry.state is not State.DONE:
            entry = from_claim(address)
        gap = await self._compare(caller, wish, entry)
        return gap.changes is not None, gap.wanted != entry

    async def _compare(self, caller: Caller, wish: Wish, entry: Entry) -> "Gap":
        address = await self.keep.addresses.read(entry.netbox_id or 0)
        if address is None or entry.state is not State.DONE:
            raise StillWorking
        check_claim(entry, address)
        await self.keep.finder.check_same(wish.place, entry, address)
        wish = as_held(wish, address.dns_name)
        pool = _pool_of(address)
        rules = self.planner.gateways.rules(pool)
        if (role := given(wish.traits.role, "")) != (address.role or ""):
            check_role(role, rules)
        name = address.dns_name if wish.traits.dns_name is UNSET else (wish.traits.dns_name or "")
        route = await self.planner.gateways.route(pool, name, entry.owner)
        defaults = () if wish.traits.tags is UNSET else route.default_tags
        renamed = name if name.lower() != address.dns_name else ""
        named = await self.planner.resolve(wish.traits, defaults, renamed, pool)
        self._check_name(wish.traits, address, named, name)
        if renamed:
            await self.planner.names.check_free(name, pool, entry.key)
        changes = _changes(wish.traits, address, named, change_message(caller, "change", entry.key, wish))
        return Gap(entry, self._entry(wish, entry, name, pool), address, changes, named)

    def _check_name(self, traits: Traits, address: Address, named: Named, name: str) -> None:
        """A name keeps the conventions if it is new, or if another tenant or role brings others upon it."""
        held = (address.dns_name, address.tenant.slug if address.tenant else "", address.role or "")
        tenant = held[1] if traits.tenant is UNSET else named.tenant_slug
        role = held[2] if traits.role is UNSET else (traits.role or "")
        if name and (name.lower(), tenant, role) != held:
            self.planner.names.check(name, _pool_of(address), tenant or "", role)

    def _entry(self, wish: Wish, entry: Entry, name: str, pool: Pool) -> Entry:
        changed = entry
        if name.lower() != entry.dns_name:
            changed = replace(changed, dns_name=name.lower(), name_claim=self.planner.names.claim(name, pool))
        if wish.traits.mac_address is not UNSET:
            changed = replace(changed, mac_address=wish.traits.mac_address)
        hold = wish.traits.hold_seconds
        if hold is not UNSET and hold != entry.hold_seconds:
            until = self.ledger.clock() + hold if hold else None
            changed = replace(changed, hold_seconds=hold, hold_until=until)
        return replace(
            changed,
            sent=_merged(entry.sent, wish.sent),
            requested_by=wish.requested_by or entry.requested_by,
            reference=wish.reference or entry.reference,
        )

    async def _close(self, wish: Wish, gap: "Gap", event: Event) -> Result:
        if gap.changes is not None:
            return await self._change(wish, gap, gap.changes, event)
        entry = gap.entry
        if gap.wanted != entry:  # what only the ledger knows
            entry = await self.ledger.record(event, gap.wanted, expected=entry, decision="noted")
        return Result(await self.keep.show(entry, gap.address, wish.sent), replayed=True)

    async def _change(self, wish: Wish, gap: "Gap", changes: Changes, event: Event) -> Result:
        begun = await self.states.begin(event, gap.wanted, expected=gap.entry)
        changed = await self._changed(begun, gap.address, changes)
        settled = await self.states.settle(begun, landed(begun.entry, changed), "changed", changed.request_id)
        return Result(await self.keep.show(settled, changed, wish.sent))

    async def _changed(self, begun: Begun, address: Address, changes: Changes) -> Address:
        """The address after the change; without one, the entry is as it was before."""
        try:
            changed = await self.keep.addresses.change(address, changes)
            check_claim(begun.entry, changed)
        except Unsure as error:
            raise OutcomeUnknown from error  # the reconciler writes down what NetBox holds
        except ClaimChanged as error:
            await self.ledger.cancel(begun, error)
            raise
        except UpstreamError as error:
            await self.ledger.cancel(begun, to_error(error))
            raise error if isinstance(error, Stale | Missing) else to_error(error) from error
        return changed


@dataclass(frozen=True, slots=True)
class Gap:
    """What is, and what should be. `changes` is what has to change in NetBox, None if nothing has to."""

    entry: Entry
    wanted: Entry
    address: Address
    changes: Changes | None
    named: Named


def _merged(held: Mapping[str, Json], sent: Mapping[str, Json]) -> dict[str, Json]:
    """The words of all writes, the last one's first; a name that is sent puts an end to its pattern."""
    return {**{n: v for n, v in held.items() if n != "name_pattern" or "dns_name" not in sent}, **sent}


def _pool_of(address: Address) -> Pool:
    """The place of an address that exists, as far as rules and names ask for it."""
    return Pool(PoolKind.PREFIX, 0, address.address.network, vrf=address.vrf)


def _changes(traits: Traits, address: Address, named: Named, message: str) -> Changes | None:
    """What differs between what was sent and what NetBox holds."""
    name = _text(traits.dns_name, address.dns_name, fold=True)
    description = _text(traits.description, address.description)
    status = _text(traits.status, address.status, cleared="active")
    role = _text(traits.role, address.role or "")
    tenant = _tenant(traits, address, named)
    tags = _tags(traits, address, named)
    fields = _fields(traits, address)
    if all(value is None for value in (name, description, status, role, tenant, tags, fields)):
        return None
    return Changes(
        dns_name=name,
        description=description,
        status=status,
        role=role,
        tenant_id=tenant,
        tag_ids=tags,
        custom_fields=fields,
        message=message,
    )


def _text(sent: object, held: str, *, fold: bool = False, cleared: str = "") -> str | None:
    if sent is UNSET:
        return None
    wanted = str(sent or cleared).strip()
    same = wanted.lower() == held.lower() if fold else wanted == held
    return None if same else wanted


def _tenant(traits: Traits, address: Address, named: Named) -> int | None:
    if traits.tenant is UNSET:
        return None
    wanted = named.tenant.id if named.tenant else 0
    held = address.tenant.id if address.tenant else 0
    return None if wanted == held else wanted


def _tags(traits: Traits, address: Address, named: Named) -> tuple[int, ...] | None:
    if traits.tags is UNSET:
        return None
    wanted = tuple(sorted(tag.id for tag in named.tags or ()))
    return None if wanted == tuple(sorted(tag.id for tag in address.tags)) else wanted


def _fields(traits: Traits, address: Address) -> dict[str, Json] | None:
    """Fields that are not named are left alone; null instead of all of them clears them all."""
    wanted: Mapping[str, Json] = given(traits.custom_fields, {})
    if traits.custom_fields is None:
        wanted = dict.fromkeys(address.custom_fields)
    return {n: value for n, value in wanted.items() if address.custom_fields.get(n) != value} or None


def _after(gap: Gap) -> Address:
    """The address as it would be, for a dry run."""
    address, changes = gap.address, gap.changes
    if changes is None:
        return address
    return replace(
        address,
        dns_name=address.dns_name if changes.dns_name is None else changes.dns_name.lower(),
        description=address.description if changes.description is None else changes.description,
        status=changes.status or address.status,
        role=address.role if changes.role is None else changes.role or None,
        tenant=address.tenant if changes.tenant_id is None else gap.named.tenant,
        tags=address.tags if changes.tag_ids is None else gap.named.tags or (),
        custom_fields={**address.custom_fields, **(changes.custom_fields or {})},
    )
