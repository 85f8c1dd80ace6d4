"""Converge: the address that a key stands for, made if there is none, changed to what was sent."""

from dataclasses import dataclass, replace

from app.domain.commands import Caller, Wish
from app.domain.errors import StillWorking
from app.domain.inventory import Address, Changes
from app.domain.upstream import Missing, Stale
from app.ledger.ledger import Elsewhere, Ledger, Overtaken, landed
from app.ledger.records import Entry, Event, State
from app.operations.adopt import Adoption, check_may_adopt
from app.operations.allocate import Creation, Keys
from app.operations.answers import Result
from app.operations.changing import Changing
from app.operations.events import denials_recorded, event_of
from app.operations.freeing import check_claim
from app.operations.gaps import Gap, Gaps
from app.operations.keep import Keep, from_claim
from app.operations.sites import check_may_assert
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
    adoption: Adoption

    async def __call__(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """The allocation under the wish's key, as the wish wants it.

        Raises:
            BerthError: see `app.domain.errors`; a Refusal has changed nothing.
        """
        event = event_of(caller, "upsert", wish.key, wish)
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            check_may_adopt(caller, wish)
            check_may_assert(caller, wish)
            wish = replace(wish, key=await self.keys.of(wish))
        event = replace(event, key=wish.key)
        note(key=wish.key)
        async with self.turns(wish.key):
            try:
                return await self._in_turn(caller, wish, event, dry_run=dry_run)
            except Elsewhere:  # another process was faster: look what it made
                await self.turns.others.wait(wish.key)
            return await self._in_turn(caller, wish, event, dry_run=dry_run)

    async def _in_turn(self, caller: Caller, wish: Wish, event: Event, *, dry_run: bool) -> Result:
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            entry = await self.states.current(caller, wish.key)
            known = entry is not None and entry.state is State.DONE
            exists = known and entry is not None and await self.keep.held(caller, entry) is not None
        if entry is not None and exists:
            return await self.convergence(caller, wish, entry, event, dry_run=dry_run)
        if wish.adopt:
            taken = await self.adoption(caller, wish, entry, event, converge=True, dry_run=dry_run)
            if taken is not None:
                return taken
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
    gaps: Gaps
    changing: Changing

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
                return Result(await self.keep.show(gap.wanted, gap.after, wish.sent))
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

    async def _compare(self, caller: Caller, wish: Wish, entry: Entry) -> Gap:
        address = await self.keep.addresses.read(entry.netbox_id or 0)
        if address is None or entry.state is not State.DONE:
            raise StillWorking
        check_claim(entry, address)
        return await self.gaps.between(caller, wish, entry, address)

    async def _close(self, wish: Wish, gap: Gap, event: Event) -> Result:
        if gap.changes is not None:
            return await self._change(wish, gap, gap.changes, event)
        entry = gap.entry
        if gap.wanted != entry:  # what only the ledger knows
            entry = await self.ledger.record(event, gap.wanted, expected=entry, decision="noted")
        return Result(await self.keep.show(entry, gap.address, wish.sent), replayed=True)

    async def _change(self, wish: Wish, gap: Gap, changes: Changes, event: Event) -> Result:
        begun = await self.states.begin(event, gap.wanted, expected=gap.entry)
        changed = await self.changing(begun, gap.address, changes)
        settled = await self.states.settle(begun, landed(begun.entry, changed), "changed", changed.request_id)
        return Result(await self.keep.show(settled, changed, wish.sent))
