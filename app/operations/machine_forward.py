"""An operation on a machine, once it is begun: forward to its end, or back to where it began.

What a transient failure stops (a timeout, a NetBox that is down, a process that is killed) is rolled forward:
by the next request for the key, or by the reconciler. A definite failure is undone in reverse, only what this
operation made, and only as long as nothing foreign hangs on it. What can be neither is stuck, and waits for
an operator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import BerthError, OperationStuck, OutcomeUnknown
from app.domain.inventory import Json
from app.domain.machines import MachineChanges
from app.domain.registrations import MachineWish
from app.domain.translation import to_error
from app.domain.upstream import UpstreamError
from app.ledger.machine_records import MachineEntry, MachineState
from app.ledger.machines import MachineLedger, MachineWork
from app.ledger.records import Event
from app.operations.events import event_of
from app.operations.machine_building import Building, is_definite
from app.operations.machine_plan import Asked, Blueprint, MachinePlanner
from app.operations.machine_removal import Removal
from app.operations.machine_view import View, Viewer

RETIRE = "retire"
FORCE_RETIRE = "force retire"
Failure = BerthError | UpstreamError


@dataclass(frozen=True, slots=True)
class Forward:
    """Brings operations to their end. The caller holds the key's turn.

    `wish_of` makes a wish of a key and of what was sent, as it stands in the ledger.
    """

    ledger: MachineLedger
    planner: MachinePlanner
    building: Building
    removal: Removal
    viewer: Viewer
    wish_of: Callable[[str, Mapping[str, Json]], MachineWish]

    async def build(self, caller: Caller, work: MachineWork, plan: Blueprint, decision: str) -> MachineEntry:
        """Take the plan's steps, and write down how it ended.

        Raises:
            BerthError: a step failed, and what was made is taken back; or it is not known what came of it,
                and somebody goes on later.
            OperationStuck: it could not be taken back.
        """
        try:
            work = await self.building(caller, work, plan)
        except (BerthError, UpstreamError) as error:
            raise await self._failed(caller, work, error) from error
        return await self.ledger.settle(work, work.entry.settled(), decision)

    async def retire(self, caller: Caller, work: MachineWork) -> MachineEntry:
        """Take everything away that stands under the key, and write it down.

        Raises:
            OperationStuck: something foreign hangs on the machine by now.
            OutcomeUnknown: somebody goes on later.
        """
        key = work.entry.key
        try:
            view = await self.view(work.entry)
            request_id = ""
            if view is not None:
                force = work.entry.action == FORCE_RETIRE
                request_id = await self.removal.everything(caller, key, view, force=force)
            for part in work.entry.held.parts:
                await self.removal.parts.free(caller, part, work.entry.netbox_id)
        except (BerthError, UpstreamError) as error:
            raise await self._halted(work, error) from error
        return await self.ledger.settle(work, work.entry.over(), "retired", netbox_request_id=request_id)

    async def resume(self, caller: Caller, entry: MachineEntry) -> None:
        """Take up an operation that was left in the middle, and bring it to its end.

        Raises:
            OperationStuck: an operator has to look at it.
            BerthError: as `build`, but for a definite failure, which ends it as well.
        """
        work = self.ledger.resume(entry, machine_event(caller, entry.action, entry.key))
        if entry.state is MachineState.STUCK:
            raise OperationStuck(stuck_detail(entry))
        if entry.state is MachineState.WORKING:
            await self._roll_forward(caller, work)
        elif entry.state is MachineState.UNDOING:
            await self._undo(caller, work)
        elif entry.state is MachineState.RETIRING:
            await self.retire(caller, work)

    async def _roll_forward(self, caller: Caller, work: MachineWork) -> None:
        entry = work.entry
        assert entry.wanted is not None  # noqa: S101 - so it is with every one that is being worked on
        wish = replace(self.wish_of(entry.key, entry.wanted.request), adopt=entry.wanted.adopt)
        mover = replace(caller, owner=entry.owner, operator=caller.operator or entry.wanted.adopt)
        try:
            plan = await self.planner.plan(Asked(mover, wish, entry, await self.view(entry)))
            await self.build(mover, work, plan, "resumed")
        except (BerthError, UpstreamError) as error:
            told = await self._failed(mover, work, error)
            if not told.recorded:
                raise told from error

    async def view(self, entry: MachineEntry) -> View | None:
        """The machine that carries the key's claim, with all that hangs on it."""
        machine = await self.viewer.claimed(entry.key)
        return None if machine is None else await self.viewer.around(machine)

    # -- failures --------------------------------------------------------------------------------

    async def _failed(self, caller: Caller, work: MachineWork, error: Failure) -> BerthError:
        """A step failed: what the caller is told, once what can be undone is."""
        told = _told(error)
        if told.recorded or not is_definite(error) or isinstance(error, OperationStuck):
            return told
        entry = await self.ledger.find(work.entry.key) or work.entry
        back = replace(entry, state=MachineState.UNDOING, reason=f"{told.code}: {told.detail}")
        work = await self.ledger.advance(replace(work, entry=entry), back, "turning back")
        await self._undo(caller, work)
        told.recorded = True
        return told

    async def _undo(self, caller: Caller, work: MachineWork) -> None:
        try:
            await self._take_back(caller, work.entry)
        except (BerthError, UpstreamError) as error:
            raise await self._halted(work, error) from error
        reason = work.entry.reason.partition(":")[0]
        await self.ledger.settle(work, work.entry.restored(), "undone", reason=reason)

    async def _take_back(self, caller: Caller, entry: MachineEntry) -> None:
        made = entry.wanted.made if entry.wanted else ()
        view = await self.view(entry)
        machine_id = view.machine.id if view else entry.netbox_id
        for claim in reversed(made):
            if "~v" in claim:
                await self.removal.parts.free(caller, claim, machine_id)
        if view is None or view.machine.owner != entry.owner:
            return
        if entry.fresh:
            await self.removal.everything(caller, entry.key, view)
            return
        for number in reversed([int(claim.rpartition("~")[2]) for claim in made if "~v" not in claim]):
            await self.removal.interface(caller, entry.key, number, view.machine.id)
        if entry.wanted is not None and entry.wanted.adopt:
            fresh = await self.building.machines.read(view.machine.id) or view.machine
            await self.building.machines.change(fresh, MachineChanges(claim=None))

    async def _halted(self, work: MachineWork, error: Failure) -> BerthError:
        """Taking away failed: for now, or until an operator looks at it."""
        if not is_definite(error):
            return error if isinstance(error, OutcomeUnknown) else OutcomeUnknown()
        told = _told(error)
        reason = f"{told.code}: {told.detail}"
        stuck = replace(work.entry, state=MachineState.STUCK, stuck_in=work.entry.state.value, reason=reason)
        await self.ledger.advance(work, stuck, "stuck")
        return OperationStuck(stuck_detail(stuck))


def _told(error: Failure) -> BerthError:
    return error if isinstance(error, BerthError) else to_error(error)


def stuck_detail(entry: MachineEntry) -> str:
    """What stands in the way, for people."""
    what = "retired" if entry.stuck_in == MachineState.RETIRING else "taken back"
    return (
        f"The virtual machine of the key {entry.key!r} cannot be {what}: {entry.reason}. An operator has to "
        f"look at the operation {entry.operation}, and have it tried again or abandon it."
    )


def machine_event(caller: Caller, action: str, key: str, wish: MachineWish | None = None) -> Event:
    """The event that a request for a machine begins with."""
    event = event_of(caller, action, key)
    if wish is None:
        return event
    name = wish.name if isinstance(wish.name, str) else ""
    return replace(event, name=name, requested_by=wish.requested_by or "", reference=wish.reference or "")
