"""Machines that nobody waits for any more: finish what was begun, take back what came too late."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import BerthError, OperationStuck
from app.domain.upstream import UpstreamError
from app.ledger.machine_records import MachineEntry, MachineState
from app.ledger.machines import MachineLedger
from app.operations.events import SYSTEM
from app.operations.late import LATE_SECONDS
from app.operations.machine_forward import RETIRE, Forward, machine_event
from app.operations.machine_standing import is_late
from app.operations.machine_view import Viewer
from app.operations.turns import Turns

_CHUNK = 200
_MOVING = (MachineState.WORKING, MachineState.UNDOING, MachineState.RETIRING)
_OVER = (MachineState.FAILED, MachineState.RETIRED)


@dataclass(frozen=True, slots=True)
class MachinesReconciled:
    """What one pass did. `stuck` is how many wait for an operator now."""

    settled: int = 0
    freed: int = 0
    errors: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class ReconcileMachines:
    """One pass over the machines that are not finished."""

    ledger: MachineLedger
    turns: Turns
    viewer: Viewer
    forward: Forward

    async def __call__(self) -> MachinesReconciled:
        """Do what can be done now; what cannot is tried again in the next pass."""
        done: dict[str, int] = {}
        moving = await self.ledger.read(lambda tx: tx.machines_in(_MOVING, (0.0, ""), _CHUNK))
        for entry in moving:
            await self._in_turn(entry, self._finish, done)
        await self._free_late(done)
        stuck = await self.ledger.read(lambda tx: tx.machines_in((MachineState.STUCK,), (0.0, ""), _CHUNK))
        return MachinesReconciled(**done, stuck=len(stuck))

    async def _in_turn(
        self, entry: MachineEntry, act: Callable[[MachineEntry], Awaitable[str]], done: dict[str, int]
    ) -> None:
        """Act on an entry, unless somebody is at it right now or has been since it was read."""
        if self.turns.busy(entry.key):
            return
        async with self.turns(entry.key):
            if await self.ledger.find(entry.key) != entry:
                return
            try:
                what = await act(entry)
            except OperationStuck:
                what = "settled"
            except (BerthError, UpstreamError):
                what = "errors"
        if what:
            done[what] = done.get(what, 0) + 1

    async def _finish(self, entry: MachineEntry) -> str:
        await self.forward.resume(SYSTEM, entry)
        return "settled"

    async def _free_late(self, done: dict[str, int]) -> None:
        """Machines that turned up after their operation was given up, or their key retired."""
        since = (self.ledger.ledger.clock() - LATE_SECONDS, "")
        over = await self.ledger.read(lambda tx: tx.machines_in(_OVER, since, _CHUNK))
        if not over:
            return
        try:
            found = await self.viewer.machines.find_claims([entry.key for entry in over])
        except (BerthError, UpstreamError):
            done["errors"] = done.get("errors", 0) + 1
            return
        claimed = {machine.key for machine in found}
        for entry in over:
            if entry.key in claimed:
                await self._in_turn(entry, self._free, done)

    async def _free(self, entry: MachineEntry) -> str:
        machine = await self.viewer.claimed(entry.key)
        if machine is None or not is_late(entry, machine, self.ledger.ledger.clock()):
            return ""
        event = machine_event(Caller(owner=entry.owner, method="system"), RETIRE, entry.key)
        going = replace(entry, state=MachineState.RETIRING, netbox_id=machine.id)
        work = await self.ledger.begin(event, going, expected=entry)
        await self.forward.retire(SYSTEM, work)
        return "freed"
