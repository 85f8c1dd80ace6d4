"""Machines that nobody waits for any more: finish what was begun, take back what came too late."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

from app.domain.commands import Caller
from app.domain.errors import BerthError, OperationStuck
from app.domain.machines import interface_key
from app.domain.upstream import UpstreamError
from app.ledger.machine_records import MachineEntry, MachineState, Wanted
from app.ledger.machines import MachineLedger
from app.ledger.ports import Tx
from app.ledger.records import Event
from app.operations.events import SYSTEM
from app.operations.late import LATE_SECONDS
from app.operations.machine_forward import RETIRE, UNDO, Forward, machine_event
from app.operations.machine_standing import is_late
from app.operations.machine_view import View, Viewer
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
        since = self.ledger.ledger.clock() - LATE_SECONDS
        async for chunk in self._chunks(_MOVING, 0.0):
            for entry in chunk:
                await self._in_turn(entry, self._finish, done)
        async for chunk in self._chunks(_OVER, since):
            await self._free_late(chunk, done)
        async for chunk in self._chunks((MachineState.DONE,), since):
            for entry in chunk:
                if entry.reason:  # its last change was undone
                    await self._in_turn(entry, self._free_late_interfaces, done)
        stuck = [len(chunk) async for chunk in self._chunks((MachineState.STUCK,), 0.0)]
        return MachinesReconciled(**done, stuck=sum(stuck))

    async def _chunks(
        self, states: Collection[MachineState], since: float
    ) -> AsyncIterator[list[MachineEntry]]:
        """All that are so now, however many fail: one that cannot be helped must not hide the others."""
        after, until = (since, ""), self.ledger.ledger.clock()
        while chunk := await self.ledger.read(partial(_in_states, states, after)):
            yield [entry for entry in chunk if entry.changed_at <= until]
            after = (chunk[-1].changed_at, chunk[-1].key)

    async def _in_turn(
        self, entry: MachineEntry, act: Callable[[MachineEntry], Awaitable[str]], done: dict[str, int]
    ) -> None:
        """Act on an entry, unless somebody is at it right now or has been since it was read."""
        if await self.turns.busy(entry.key):
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

    async def _free_late(self, over: list[MachineEntry], done: dict[str, int]) -> None:
        """Machines that turned up after their operation was given up, or their key retired."""
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
        going = replace(entry, state=MachineState.RETIRING, netbox_id=machine.id)
        work = await self.ledger.begin(_system_event(entry, RETIRE), going, expected=entry)
        await self.forward.retire(SYSTEM, work)
        return "freed"

    async def _free_late_interfaces(self, entry: MachineEntry) -> str:
        """Interfaces of a change that was undone, which turned up when it was over.

        Late addresses are known by their own entries: see `app.operations.reconcile`.
        """
        view = await self.forward.view(entry)
        late = _unheld(entry, view) if view else ()
        if not late:
            return ""
        going = replace(
            entry, state=MachineState.UNDOING, wanted=Wanted(request={}, form=entry.held, made=late)
        )
        work = await self.ledger.begin(_system_event(entry, UNDO), going, expected=entry)
        await self.forward.resume(SYSTEM, work.entry)
        return "freed"


def _unheld(entry: MachineEntry, view: View) -> tuple[str, ...]:
    """The claims of interfaces that the machine has, and its key does not."""
    held = entry.held.numbers.values()
    return tuple(
        interface_key(entry.key, number) for number in view.numbered(entry.key) if number not in held
    )


def _system_event(entry: MachineEntry, action: str) -> Event:
    return machine_event(Caller(owner=entry.owner, method="system"), action, entry.key)


def _in_states(states: Collection[MachineState], after: tuple[float, str], tx: Tx) -> list[MachineEntry]:
    return tx.machines_in(states, after, _CHUNK)
