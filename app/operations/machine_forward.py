"""An operation on a machine, once it is begun: forward to its end, or back to where it began.

What a transient failure stops (a timeout, a NetBox that is down, a process that is killed) is rolled forward:
by the next request for the key, or by the reconciler. A definite failure is undone in reverse, only what this
operation made, and only as long as nothing foreign hangs on it. What can be neither is stuck, and waits for
an operator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import (
    BerthError,
    Later,
    NetBoxNonsense,
    NetBoxUnavailable,
    NotFound,
    OperationStuck,
    OutcomeUnknown,
    Overloaded,
    StillWorking,
)
from app.domain.inventory import Json
from app.domain.machines import Machine, interface_numbers, is_address
from app.domain.registrations import MachineWish
from app.domain.translation import to_error
from app.domain.upstream import Missing, TokenRefused, UpstreamError
from app.ledger.ledger import Overtaken
from app.ledger.machine_records import MachineEntry, MachineState
from app.ledger.machines import MachineLedger, MachineWork
from app.ledger.records import Event
from app.operations.events import event_of
from app.operations.machine_blueprint import Asked, Blueprint
from app.operations.machine_building import REMOVALS, Building, is_definite
from app.operations.machine_plan import MachinePlanner
from app.operations.machine_removal import Removal, Target
from app.operations.machine_view import View, Viewer

RETIRE = "retire"
FORCE_RETIRE = "force retire"
UNDO = "undo"
_AT = {MachineState.RETIRING.value: "retired", MachineState.WORKING.value: "changed to its end"}
_GOES_ON = "NetBox failed in the middle of this, and Berth goes on; send the same request again to find out."
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
        entry, force = work.entry, work.entry.action == FORCE_RETIRE
        try:
            view = await self.view(entry)
            request_id = ""
            if view is not None:
                adopted = entry.held.adopted if entry.key in entry.held.adopted else ()
                target = Target(entry.key, view.machine.id, adopted, force)
                request_id = await self.removal.everything(caller, target, view)
            await self._free_rest(caller, entry, force=force)
        except (BerthError, UpstreamError) as error:
            raise await self._halted(work, error) from error
        return await self.ledger.settle(work, entry.over(), "retired", netbox_request_id=request_id)

    async def _free_rest(self, caller: Caller, entry: MachineEntry, *, force: bool) -> None:
        """Free what is left of the addresses; on a machine that is another key's by now they are let go."""
        machine = (
            await self.viewer.machines.read(entry.netbox_id or 0) if force and entry.held.parts else None
        )
        for part in entry.held.parts:
            if machine is not None and machine.key != entry.key:
                await self.removal.parts.let_go(caller, part)
            else:
                await self.removal.parts.free(caller, part, entry.netbox_id, force=force)

    async def resume(self, caller: Caller, entry: MachineEntry) -> None:
        """Take up an operation that was left in the middle, and bring it to its end.

        Raises:
            OperationStuck: an operator has to look at it.
            Later: as `build`; a definite failure ends it as well.
        """
        work = self.ledger.resume(entry, machine_event(caller, entry.action, entry.key))
        if entry.state is MachineState.STUCK:
            raise OperationStuck(stuck_detail(entry))
        if entry.state is MachineState.WORKING:
            await self._roll_forward(caller, work)
        elif entry.state is MachineState.UNDOING:
            await self._undo(caller, work)
        else:
            await self.retire(caller, work)

    async def _roll_forward(self, caller: Caller, work: MachineWork) -> None:
        entry = work.entry
        assert entry.wanted is not None  # noqa: S101 - so it is with every one that is being worked on
        mover = _mover(caller, entry, adopts=entry.wanted.adopt)
        try:
            wish = replace(self.wish_of(entry.key, entry.wanted.request), adopt=entry.wanted.adopt)
            view = await self.view(entry)
            if view is None and not entry.begins:
                raise NotFound("Somebody deleted the virtual machine while it was being changed.")
            plan = await self.planner.plan(Asked(mover, wish, entry, entry, view))
            work = await self.building(mover, work, plan)
        except (BerthError, UpstreamError) as error:
            told = await self._failed(mover, work, error)
            if isinstance(told, Later | OperationStuck):
                raise told from error
            return
        await self.ledger.settle(work, work.entry.settled(), "resumed")

    async def view(self, entry: MachineEntry) -> View | None:
        """The machine that carries the key's claim, with all that hangs on it."""
        machine = await self.viewer.claimed(entry.key)
        return None if machine is None else await self.viewer.around(machine)

    # -- failures --------------------------------------------------------------------------------

    async def _failed(self, caller: Caller, work: MachineWork, error: Failure) -> BerthError:
        """A step failed: what the caller is told, once what can be undone is."""
        if not is_definite(error):
            return _until_later(error)
        entry = await self.ledger.find(work.entry.key)
        if entry is None or (entry.operation, entry.state) != (work.entry.operation, work.entry.state):
            return Overtaken()
        work = replace(work, entry=entry)
        if entry.step == REMOVALS:
            return await self._halted(work, error)
        told = _told(error)
        back = replace(entry, state=MachineState.UNDOING, reason=f"{told.code}: {told.detail}")
        work = await self.ledger.advance(work, back, "turning back")
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
        assert entry.wanted is not None  # noqa: S101 - as long as it is being undone
        made, view = entry.wanted.made, await self.view(entry)
        if view is not None and not _is_its(entry, view.machine):
            return
        machine_id = view.machine.id if view else entry.netbox_id
        for claim in reversed(made):
            if is_address(claim):
                await self.removal.parts.free(caller, claim, machine_id, known=True)
        if view is None:
            return
        target = Target(entry.key, view.machine.id, entry.taking)
        if entry.fresh:
            await self.removal.everything(caller, target, view)
            return
        for number in interface_numbers(entry.key, (*made, *entry.taking)):
            await self.removal.interface(caller, target, number)
        if entry.key in entry.taking:
            await self.removal.machine(caller, target)

    async def _halted(self, work: MachineWork, error: Failure) -> BerthError:
        """What cannot be taken back failed: for now, or until an operator looks at it."""
        if not _needs_a_human(error):
            return _until_later(error)
        told = _told(error)
        reason = f"{told.code}: {told.detail}"
        stuck = replace(work.entry, state=MachineState.STUCK, stuck_in=work.entry.state.value, reason=reason)
        await self.ledger.advance(work, stuck, "stuck")
        return OperationStuck(stuck_detail(stuck))


def _told(error: Failure) -> BerthError:
    return error if isinstance(error, BerthError) else to_error(error)


def _until_later(error: Failure) -> BerthError:
    """What is told where somebody goes on later: never that nothing was changed."""
    told = StillWorking() if isinstance(error, Missing) else _told(error)
    if isinstance(told, NetBoxUnavailable | Overloaded):
        return OutcomeUnknown(_GOES_ON, retry_after=told.retry_after)
    return told


def _needs_a_human(error: Failure) -> bool:
    """Whether it stays so until somebody looks at this machine: a refused token concerns all of them."""
    upstream = error if isinstance(error, UpstreamError) else error.__cause__
    return (
        is_definite(error)
        and not isinstance(upstream, TokenRefused)
        and not isinstance(error, NetBoxNonsense)
    )


def _is_its(entry: MachineEntry, machine: Machine) -> bool:
    """Whether the machine can be what the operation has made: not what another ledger's has elsewhere."""
    return (
        machine.owner == entry.owner
        and machine.cluster is not None
        and (machine.cluster.id == entry.cluster_id or machine.id == entry.netbox_id)
    )


def stuck_detail(entry: MachineEntry) -> str:
    """What stands in the way, for people."""
    what = _AT.get(entry.stuck_in, "taken back")
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


def _mover(caller: Caller, entry: MachineEntry, *, adopts: bool) -> Caller:
    """Whoever comes by finishes what the owner began, and what its rules allowed then."""
    return replace(
        caller, owner=entry.owner, operator=caller.operator or adopts, rules=None, narrowing=None, doing=()
    )
