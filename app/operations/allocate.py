"""Get or create: the address that a key stands for.

find the key → (known) read it in NetBox and answer
             → (new) plan → T1 → NetBox → T2 → answer
"""

import ipaddress
from dataclasses import dataclass, replace
from functools import partial

from app.allocation.seats import Line, Seated
from app.domain.commands import Caller, Wish, given
from app.domain.errors import (
    AddressTaken,
    BerthError,
    KeyConflict,
    KeyRequired,
    OutcomeUnknown,
    PrefixExhausted,
    PrefixNotFound,
    StillWorking,
    UnknownReference,
)
from app.domain.inventory import Address, Interface
from app.ledger.ledger import (
    Begun,
    Elsewhere,
    Ledger,
    NameHeld,
    Overtaken,
    check_limits,
    first_free,
)
from app.ledger.records import Candidate, Entry, Event, State
from app.operations.adopt import Adoption, check_may_adopt
from app.operations.answers import Result
from app.operations.echo import show
from app.operations.events import denials_recorded, event_of, only_reading
from app.operations.keep import Keep
from app.operations.memory import Memory
from app.operations.numbers import NAME_PATTERN, pattern_of
from app.operations.places import label
from app.operations.plan import Plan, Planner, derived_key
from app.operations.ports import Batcher, Inventory
from app.operations.references import Named
from app.operations.sites import check_may_assert
from app.operations.states import States, check_free, continued, name_held
from app.operations.turns import Turns
from app.telemetry.events import note, note_netbox_request, stage

_ATTEMPTS = 3
_NO_KEY = (
    "A `name_pattern` makes no key, for its name is not known before; send `key` or an `Idempotency-Key` "
    "header, so that a repeat finds the name that was chosen."
)
_PLACE_WORDS = ("prefix", "ip_range", "vrf", "address", "family")


@dataclass(frozen=True, slots=True)
class Keys:
    """Finds the key of a request that names none."""

    ledger: Ledger
    planner: Planner

    async def of(self, wish: Wish) -> str:
        """The request's own key, or the one that its DNS name and place make.

        Where the prefix is gone from NetBox, or the VRF has another name by now, a repeat still finds its
        key: by the name, and the place as it was written.

        Raises:
            KeyRequired: there is neither key nor name.
            InvalidRequest: there is a pattern for the name that is none, or stands beside a name.
        """
        numbered = pattern_of(wish.traits) is not None
        if wish.key:
            return wish.key
        if numbered:
            raise KeyRequired(_NO_KEY)
        name = given(wish.traits.dns_name, "").lower()
        if not name:
            raise KeyRequired
        try:
            return derived_key(wish, await self.planner.finder.find(wish.place))
        except (PrefixNotFound, UnknownReference):
            known = await self.ledger.read(lambda tx: tx.named(name, label(wish.place)))
            keys = [entry.key for entry in known if _is_derived(entry, name) and _same_words(entry, wish)]
            if len(keys) == 1:
                return keys[0]
            raise


def _is_derived(entry: Entry, name: str) -> bool:
    return entry.key == name or entry.key.startswith((f"{name}@vrf", f"{name}:v6"))


def _same_words(entry: Entry, wish: Wish) -> bool:
    """Whether both name their place in the same words; null is a word, absent is none."""
    one, other = ({w: sent[w] for w in _PLACE_WORDS if w in sent} for sent in (entry.sent, wish.sent))
    return one == other


@dataclass(frozen=True, slots=True)
class Allocate:
    """POST: answers what the key stands for, or makes it. Changes nothing that exists."""

    ledger: Ledger
    keys: Keys
    turns: Turns
    states: States
    keep: Keep
    creation: "Creation"
    adoption: Adoption

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """The allocation under the wish's key.

        Raises:
            BerthError: see `app.domain.errors`; a Refusal has left nothing behind.
        """
        event = event_of(caller, "allocate", wish.key, wish)
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            check_may_adopt(caller, wish)
            check_may_assert(caller, wish)
            key = await self.keys.of(wish)
            if key != wish.key:
                wish, event = replace(wish, key=key), replace(event, key=key)
            note(key=wish.key)
            entry = await self.ledger.find(wish.key)
            if entry is not None and entry.state is State.DONE:
                repeat = await self.keep.repeat(caller, wish, entry)
                if repeat is not None:
                    return repeat
        async with self.turns(wish.key) as was_held:
            if entry is None and not was_held:  # new, and nobody is at it: T1 would notice if it were not
                try:
                    return await self._create(caller, wish, None, event, dry_run=dry_run)
                except Elsewhere:  # another process was faster: look what it made
                    await self.turns.others.wait(wish.key)
            return await self._in_turn(caller, wish, event, dry_run=dry_run)

    async def _in_turn(self, caller: Caller, wish: Wish, event: Event, *, dry_run: bool) -> Result:
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            entry = await self.states.current(caller, wish.key)
            if entry is not None and entry.state is State.DONE:
                repeat = await self.keep.repeat(caller, wish, entry)
                if repeat is not None:
                    return repeat
        return await self._create(caller, wish, entry, event, dry_run=dry_run)

    async def _create(
        self, caller: Caller, wish: Wish, entry: Entry | None, event: Event, *, dry_run: bool
    ) -> Result:
        if wish.adopt:
            adopted = await self.adoption(caller, wish, entry, event, dry_run=dry_run)
            if adopted is not None:
                return adopted
        if dry_run:
            return await self.creation.preview(caller, wish, entry, event)
        return await self.creation(caller, wish, entry, event)


@dataclass(frozen=True, slots=True)
class Creation:
    """Makes the allocation of a key that has none. The caller holds the key's turn."""

    ledger: Ledger
    planner: Planner
    batcher: Batcher
    states: States
    keep: Keep
    inventory: Inventory
    memory: Memory

    async def __call__(  # noqa: PLR0913 - the last two are a machine's only
        self,
        caller: Caller,
        wish: Wish,
        entry: Entry | None,
        event: Event,
        *,
        first: Plan | None = None,
        assigned: tuple[str, int] | None = None,
    ) -> Result:
        """Plan, T1, NetBox, T2. `entry` is what the ledger has of the key.

        `first` is a plan that was made just now. `assigned` is the type and id of the interface that the
        address is made on.

        Raises:
            BerthError: see `app.domain.errors`.
        """
        for _ in range(_ATTEMPTS):
            async with denials_recorded(self.ledger, event):
                check_free(caller, entry, wish)
                await self.memory.prepared()
                with stage("plan"):
                    plan = first or await self.planner.plan(caller, wish, wish.key)
            first = None
            try:
                result = await self._attempt(wish, plan.on(assigned), entry, event)
            except BerthError as error:
                self.memory.doubt(error, plan.spot.pool)
                raise
            if result is not None:
                return result
            entry = await self.ledger.find(wish.key)
            if entry is not None and entry.state in (State.DONE, State.RELEASING):
                raise Elsewhere  # another process was faster; whoever looks again gets what stands there
        raise StillWorking

    async def preview(self, caller: Caller, wish: Wish, entry: Entry | None, event: Event) -> Result:
        """What would be made now: the same checks, no write, and no promise."""
        async with only_reading():
            return await self._preview(caller, wish, entry, event)

    async def _preview(self, caller: Caller, wish: Wish, known: Entry | None, event: Event) -> Result:
        check_free(caller, known, wish)
        await self.memory.prepared()
        plan = await self.planner.plan(caller, wish, wish.key)
        plan = await self._with_free_name(plan)
        await self.ledger.read(lambda tx: check_limits(tx, plan.entry, plan.limits))
        await self.planner.gateways.secure(plan.spot.pool, plan.route.gateway, event, dry_run=True)
        address = plan.spot.address or await self._next_free(plan)
        entry = replace(plan.entry, state=State.DONE)
        imagined = _imagined(plan, address, plan.named)
        return Result(show(entry, imagined, wish.sent, plan.route), created=True)

    async def _with_free_name(self, plan: Plan) -> Plan:
        entry = plan.entry
        names = plan.names or (Candidate(entry.dns_name, entry.name_claim or ""),)
        free = await self.ledger.read(lambda tx: first_free(tx, entry.key, names))
        if free is None:
            raise name_held(names[-1].dns_name, NAME_PATTERN if plan.names else None)
        return plan.called(free.dns_name)

    async def _next_free(self, plan: Plan) -> Interface:
        free = await self.inventory.preview(plan.spot.pool, 2)
        hosts = [address for address in map(ipaddress.ip_interface, free) if address.ip != plan.route.gateway]
        if not hosts:
            raise PrefixExhausted
        return hosts[0]

    async def _attempt(self, wish: Wish, plan: Plan, entry: Entry | None, event: Event) -> Result | None:
        """One round; None where the entry, the names or the gateway's record changed under our hands."""
        async with denials_recorded(self.ledger, event):
            await self.planner.gateways.secure(plan.spot.pool, plan.route.gateway, event)
            former = await self._former(plan, entry)
        try:
            opened = continued(plan.entry, entry)
            begun = await self.states.begin(
                event, opened, expected=entry, names=plan.names, limits=plan.limits
            )
        except (Overtaken, NameHeld):
            return None
        seated = await self._seat(begun, plan.called(begun.entry.dns_name), former)
        decision = "adopted" if seated.adopted else "allocated"
        note_netbox_request(seated.netbox_request_id)
        settled = await self.states.land(begun, seated.address, decision, seated.netbox_request_id or "")
        if settled.state is not State.DONE:  # given back: it was the gateway, or somebody had it before
            if plan.spot.address is not None:
                raise AddressTaken
            self.planner.gateways.forget(plan.spot.pool, seated.address.address.ip)
            return None
        shown = await self.keep.show(settled, seated.address, wish.sent)
        return Result(shown, created=not seated.adopted, replayed=seated.adopted)

    async def _seat(self, begun: Begun, plan: Plan, former: Interface | None) -> Seated:
        """The address; a key that was released gets its former one again where it is free."""
        take = partial(self.batcher.take, shared_roles=plan.shared_roles, arrival=plan.arrival)
        try:
            if former is not None:
                line = Line(plan.spot.pool, plan.spot.vrf_id, explicit=True)
                draft = replace(plan.draft, address=former)
                try:
                    return await take(line, draft)
                except (AddressTaken, KeyConflict):
                    pass  # nothing was created; the next free one will do, or what has the claim already
            return await take(plan.line, plan.draft)
        except OutcomeUnknown:
            raise  # the entry stays pending: the next request for the key, or the reconciler, settles it
        except BerthError as error:
            await self.ledger.cancel(begun, error)
            raise

    async def _former(self, plan: Plan, entry: Entry | None) -> Interface | None:
        """The address that the key had before it was released, if it still fits and nobody has it."""
        if entry is None or entry.state is not State.RELEASED or not entry.address or plan.spot.address:
            return None
        former = ipaddress.ip_interface(entry.address)
        fits = former.network == plan.spot.pool.network and plan.spot.pool.holds(former.ip)
        if not fits or entry.vrf_id != plan.spot.vrf_id or former.ip == plan.route.gateway:
            return None
        taken = await self.keep.addresses.find_host(former.ip, plan.spot.vrf_id)
        return None if taken else former


def _imagined(plan: Plan, address: Interface, named: Named) -> Address:
    """The address as NetBox would hold it."""
    draft = plan.draft
    return Address(
        id=0,
        address=address,
        vrf=plan.spot.pool.vrf,
        dns_name=draft.dns_name.lower(),
        description=draft.description.strip(),
        status=draft.status,
        role=draft.role,
        tenant=named.tenant,
        tags=named.tags or (),
        custom_fields=draft.custom_fields,
        key=draft.key,
        owner=draft.owner,
        assigned=named.interface,
        url="",
    )
