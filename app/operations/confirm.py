"""End a hold: the allocation stays."""

from dataclasses import dataclass, replace

from app.access.rules import demand
from app.domain.commands import Caller
from app.domain.errors import NotFound, OutcomeUnknown, PartOfMachine
from app.domain.inventory import Address
from app.domain.rights import Action
from app.ledger.ledger import Ledger
from app.ledger.records import Entry, State
from app.operations.answers import Result
from app.operations.events import denials_recorded, event_of
from app.operations.keep import Keep
from app.operations.sites import site_of_address
from app.operations.states import States, check_owner
from app.operations.turns import Turns


@dataclass(frozen=True, slots=True)
class Confirm:
    """POST …/confirm. Confirming twice is the same as once."""

    ledger: Ledger
    turns: Turns
    states: States
    keep: Keep

    async def __call__(self, caller: Caller, key: str, *, dry_run: bool = False) -> Result:
        """The allocation, active from now on.

        Raises:
            NotFound: the key stands for nothing.
            NotOwner: it belongs to somebody else.
        """
        event = event_of(caller, "confirm", key)
        async with self.turns(key):
            async with denials_recorded(self.ledger, event, dry_run=dry_run):
                if "~" in key:
                    raise PartOfMachine
                entry, address = await self._held(caller, key)
                demand(caller, site_of_address(address, entry.owner), Action.ALLOCATE, Action.UPDATE)
            replayed = entry.hold_until is None
            if not replayed:
                confirmed = replace(entry, hold_until=None)
                if not dry_run:
                    confirmed = await self.ledger.record(
                        event, confirmed, expected=entry, decision="confirmed"
                    )
                entry = confirmed
            return Result(await self.keep.show(entry, address, {}), replayed=replayed)

    async def _held(self, caller: Caller, key: str) -> tuple[Entry, Address]:
        """What the key stands for. A key that the ledger has lost has no hold any more."""
        entry = await self.states.current(caller, key)
        if entry is not None and entry.state is State.PENDING:
            check_owner(caller, entry.owner, None)
            raise OutcomeUnknown
        if entry is None or entry.state is not State.DONE:
            return await self.keep.claimed(caller, key, entry, self.ledger.clock())
        address = await self.keep.held(caller, entry)
        if address is None:
            raise NotFound(f"The address of the key {key!r} was deleted in NetBox.")
        return entry, address
