"""Give an allocation up."""

from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import ClaimChanged, Forbidden, OutcomeUnknown, PartOfMachine
from app.domain.rights import Action
from app.ledger.ledger import Elsewhere, Ledger
from app.ledger.records import Entry, Event, State
from app.operations.events import denials_recorded, event_of
from app.operations.freeing import Freeing, check_unused, released
from app.operations.keep import Keep, from_claim
from app.operations.sites import check_may_give_up, site_of_address
from app.operations.states import States, check_owner, the_one
from app.operations.turns import Turns
from app.telemetry.events import note


@dataclass(frozen=True, slots=True)
class Release:
    """DELETE: afterwards the key stands for nothing. A key that stands for nothing is left in peace.

    An address that was there before Berth stays, without its key.
    """

    ledger: Ledger
    turns: Turns
    states: States
    keep: Keep
    freeing: Freeing

    async def __call__(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Release the key.

        Raises:
            NotOwner: it belongs to somebody else.
            InUse: somebody uses the address; an operator may force it.
            ClaimChanged: a human gave the address another key; an operator may force the key free.
        """
        event = event_of(caller, "release", key)
        caller = replace(caller, forced=force)
        async with self.turns(key):
            try:
                return await self._in_turn(caller, key, event, dry_run=dry_run)
            except Elsewhere:  # another process was faster: look what is left
                await self.turns.others.wait(key)
            return await self._in_turn(caller, key, event, dry_run=dry_run)

    async def _in_turn(self, caller: Caller, key: str, event: Event, *, dry_run: bool) -> None:
        force = caller.forced
        async with denials_recorded(self.ledger, event, dry_run=dry_run):
            if force and not caller.operator:
                raise Forbidden("Only an operator may force a release.")
            if "~" in key:
                raise PartOfMachine
            entry = await self.states.current(caller, key)
            done = await self._checked(caller, key, entry, force=force)
        if done is None:
            note(outcome="absent")
        if done is None or dry_run:
            return
        await self._free(caller, event, entry, done, force=force)

    async def _checked(self, caller: Caller, key: str, entry: Entry | None, *, force: bool) -> Entry | None:
        """What stands to be released, None if there is nothing."""
        if entry is not None and entry.state is State.PENDING:
            check_owner(caller, entry.owner, None)
            raise OutcomeUnknown
        if entry is None or entry.state is not State.DONE:
            return await self._unknown(caller, key, entry, force=force)
        try:
            address = await self.keep.held(caller, entry)
        except ClaimChanged:
            if force:
                return replace(entry, netbox_id=None)
            raise
        if address is not None:
            check_may_give_up(caller, site_of_address(address, entry.owner), Action.RELEASE)
        if address is not None and not force:
            await check_unused(self.keep.addresses, entry, address)
        return entry

    async def _unknown(self, caller: Caller, key: str, former: Entry | None, *, force: bool) -> Entry | None:
        """A key that the ledger does not know may stand for an object all the same: the ledger was lost."""
        address = the_one(key, await self.keep.addresses.find_claims([key]))
        if address is None:
            return None
        check_owner(caller, "", address.owner)
        check_may_give_up(caller, site_of_address(address), Action.RELEASE)
        found = from_claim(address, former)
        if not force:
            await check_unused(self.keep.addresses, found, address)
        return found

    async def _free(
        self, caller: Caller, event: Event, expected: Entry | None, entry: Entry, *, force: bool
    ) -> None:
        if entry.netbox_id is None:
            assert expected is not None  # noqa: S101 - only a known entry loses its object
            await self.ledger.record(event, released(expected), expected=expected, decision="let go")
            return
        begun = await self.freeing.begin(event, entry, expected=expected)
        await self.freeing.finish(caller, begun, force=force)
