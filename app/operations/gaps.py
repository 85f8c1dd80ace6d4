"""What differs between what was sent and what NetBox holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.access.rules import demand
from app.domain.commands import UNSET, Caller, Target, Traits, Wish, given
from app.domain.errors import InUse
from app.domain.inventory import Address, Changes, Json, Pool, PoolKind
from app.domain.rights import Site
from app.ledger.records import Entry
from app.operations.numbers import as_held
from app.operations.plan import Planner, change_message
from app.operations.references import Named
from app.operations.sites import CHANGES, check_may_assert, site_of_address


@dataclass(frozen=True, slots=True)
class Gap:
    """What is, and what should be. `changes` is what has to change in NetBox, None if nothing has to."""

    entry: Entry
    wanted: Entry
    address: Address
    changes: Changes | None
    named: Named

    @property
    def after(self) -> Address:
        """The address as it would be, for a dry run."""
        address, changes = self.address, self.changes
        if changes is None:
            return address
        return replace(
            address,
            dns_name=address.dns_name if changes.dns_name is None else changes.dns_name.lower(),
            description=address.description if changes.description is None else changes.description,
            status=changes.status or address.status,
            role=address.role if changes.role is None else changes.role or None,
            tenant=address.tenant if changes.tenant_id is None else self.named.tenant,
            tags=address.tags if changes.tag_ids is None else self.named.tags or (),
            custom_fields={**address.custom_fields, **(changes.custom_fields or {})},
            assigned=address.assigned if changes.assigned is None else self.named.interface,
        )


@dataclass(frozen=True, slots=True)
class Gaps:
    """Compares, and checks what would be new."""

    planner: Planner

    async def between(self, caller: Caller, wish: Wish, entry: Entry, address: Address) -> Gap:
        """What has to change of an address, so that it is as the wish wants it.

        Raises:
            KeyConflict: what differs cannot change.
            Refusal: whatever else stands against it.
        """
        await self.planner.finder.check_same(wish.place, entry, address)
        wish = as_held(wish, address.dns_name)
        pool = pool_of(address)
        role = given(wish.traits.role, "")
        new_role = role if role != (address.role or "") else ""
        name = address.dns_name if wish.traits.dns_name is UNSET else (wish.traits.dns_name or "")
        route = await self.planner.gateways.route(pool, name, entry.owner)
        defaults = () if wish.traits.tags is UNSET else route.default_tags
        renamed = name if name.lower() != address.dns_name else ""
        named = await self._named(wish.traits, address, defaults, renamed, new_role)
        self._check_name(wish.traits, address, named, name)
        if renamed:
            await self.planner.names.check_free(name, pool, entry.key)
        changes = _changes(wish.traits, address, named, change_message(caller, "change", entry.key, wish))
        moves = changes is not None and changes.assigned is not None
        if moves:
            await self._check_movable(address)
        bound = _bound(wish.traits, entry, named, moves=moves)
        wanted = replace(self._entry(wish, entry, name, pool), assigned=bound)
        if changes is not None or wanted != entry:
            check_may_change(caller, wish, *_sites(wish, entry, address, name, named))
        return Gap(entry, wanted, address, changes, named)

    async def _named(
        self, traits: Traits, address: Address, defaults: Sequence[str], renamed: str, new_role: str
    ) -> Named:
        """What the words stand for. The interface that the address is on is known without a look."""
        target = traits.assign_to
        there = isinstance(target, Target) and target.is_at(address.assigned)
        sought = replace(traits, assign_to=UNSET) if there else traits
        named = await self.planner.resolve(sought, defaults, renamed, new_role, pool_of(address))
        return replace(named, interface=address.assigned) if there else named

    async def _check_movable(self, address: Address) -> None:
        """Refuse what NetBox would refuse: to take a primary address away from its device or VM."""
        assigned = address.assigned
        if assigned is None or not await self.planner.addresses.is_primary(address):
            return
        raise InUse(
            f"{address.address} is the primary address of {assigned.parent or assigned.object_type}, so "
            "NetBox does not let it be moved. Make another address the primary one there, or none, and send "
            "this again."
        )

    def _check_name(self, traits: Traits, address: Address, named: Named, name: str) -> None:
        """A name keeps the conventions if it is new, or if another tenant or role brings others upon it."""
        held = (address.dns_name, address.tenant.slug if address.tenant else "", address.role or "")
        tenant = held[1] if traits.tenant is UNSET else named.tenant_slug
        role = held[2] if traits.role is UNSET else (traits.role or "")
        if name and (name.lower(), tenant, role) != held:
            self.planner.names.check(name, pool_of(address), tenant or "", role)

    def _entry(self, wish: Wish, entry: Entry, name: str, pool: Pool) -> Entry:
        changed = entry
        if name.lower() != entry.dns_name:
            changed = replace(changed, dns_name=name.lower(), name_claim=self.planner.names.claim(name, pool))
        if wish.traits.mac_address is not UNSET:
            changed = replace(changed, mac_address=wish.traits.mac_address)
        hold = wish.traits.hold_seconds
        if hold is not UNSET and hold != entry.hold_seconds:
            until = self.planner.clock() + hold if hold else None
            changed = replace(changed, hold_seconds=hold, hold_until=until)
        return replace(
            changed,
            sent=_merged(entry.sent, wish.sent),
            requested_by=wish.requested_by or entry.requested_by,
            reference=wish.reference or entry.reference,
        )


def check_may_change(caller: Caller, wish: Wish, here: Site, there: Site) -> None:
    """Refuse a change that no rule allows: of what stands there, and to what it shall be.

    Raises:
        Forbidden: says what is allowed.
    """
    demand(caller, here, *CHANGES)
    demand(caller, there, *CHANGES)
    check_may_assert(caller, wish, there)


def _sites(wish: Wish, entry: Entry, address: Address, name: str, named: Named) -> tuple[Site, Site]:
    """What the address is to the rules, and what it would be."""
    here = site_of_address(address, entry.owner)
    tenant = here.tenant if wish.traits.tenant is UNSET else named.tenant_slug
    stays = name.lower() == here.name or "~" in entry.key
    return here, replace(here, name=name, tenant=tenant, nameless=stays)


def _merged(held: Mapping[str, Json], sent: Mapping[str, Json]) -> dict[str, Json]:
    """The words of all writes, the last one's first; a name that is sent puts an end to its pattern."""
    return {**{n: v for n, v in held.items() if n != "name_pattern" or "dns_name" not in sent}, **sent}


def _bound(traits: Traits, entry: Entry, named: Named, *, moves: bool) -> str | None:
    """The interface that the address is bound to now; while it is being moved, also the one before."""
    if traits.assign_to is UNSET:
        return entry.assigned
    wanted = [str(named.interface)] if named.interface else []
    before = (entry.assigned or "").split() if moves else []
    return " ".join(dict.fromkeys([*wanted, *before])) or None


def pool_of(address: Address) -> Pool:
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
    assigned = _interface(traits, address, named)
    if all(value is None for value in (name, description, status, role, tenant, tags, fields, assigned)):
        return None
    return Changes(
        dns_name=name,
        description=description,
        status=status,
        role=role,
        tenant_id=tenant,
        tag_ids=tags,
        custom_fields=fields,
        assigned=assigned,
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


def _interface(traits: Traits, address: Address, named: Named) -> tuple[str, int] | None:
    if traits.assign_to is UNSET:
        return None
    wanted, held = (
        (each.object_type, each.object_id) if each else ("", 0)
        for each in (named.interface, address.assigned)
    )
    return None if wanted == held else wanted
