"""Where a machine's key stands, once what was left in the middle is finished."""

from dataclasses import dataclass

from app.domain.commands import Caller
from app.domain.errors import NotFound, OperationStuck, OutcomeUnknown
from app.domain.machines import Machine
from app.ledger.machine_records import ABANDONED, MachineEntry, MachineState
from app.ledger.machines import MachineLedger
from app.operations.late import LATE_SECONDS
from app.operations.machine_forward import Forward, stuck_detail
from app.operations.machine_view import View, Viewer, entry_of_claims
from app.operations.states import check_owner

_CLOCK_SLACK = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger has of a key, and what stands in NetBox under it (None: nothing).

    `entry` is what the answer is made from: where the ledger has lost the key, it is made from the claims.
    """

    known: MachineEntry | None
    entry: MachineEntry | None
    view: View | None


@dataclass(frozen=True, slots=True)
class MachineStanding:
    """Finds out where a key stands."""

    ledger: MachineLedger
    viewer: Viewer
    forward: Forward

    async def settled(self, caller: Caller, key: str) -> Standing:
        """For a write, in the key's turn: what was left in the middle is brought to its end first.

        Raises:
            NotOwner: the key is somebody else's.
            OperationStuck: an operator has to look at it.
            OutcomeUnknown: it is not known what came of the operation before.
        """
        entry = await self.ledger.find(key)
        if entry is not None and entry.is_open:
            check_owner(caller, entry.owner, None)
            await self.forward.resume(caller, entry)
        return await self._of(caller, key, await self.ledger.find(key))

    async def read(self, caller: Caller, key: str) -> Standing:
        """For a read: what is under way is not waited for.

        Raises:
            NotFound: the key stands for nothing.
            OutcomeUnknown: it is being worked on.
        """
        entry = await self.ledger.find(key)
        if entry is not None and entry.is_open:
            check_owner(caller, entry.owner, None)
            if entry.state is MachineState.STUCK:
                raise OperationStuck(stuck_detail(entry))
            raise OutcomeUnknown("This virtual machine is being worked on; ask again in a moment.")
        found = await self._of(caller, key, entry)
        if found.view is None:
            raise NotFound(f"No virtual machine has the key {key!r}.")
        return found

    async def _of(self, caller: Caller, key: str, entry: MachineEntry | None) -> Standing:
        if entry is not None and entry.state is MachineState.DONE:
            view = await self.viewer.of(caller, entry)
            if view is not None:
                return Standing(entry, entry, view)
        machine = await self.viewer.claimed(key)  # also where another ledger has made it anew
        if machine is None:
            return Standing(entry, None, None)
        check_owner(caller, "", machine.owner)
        if entry is not None and is_late(entry, machine, self.ledger.ledger.clock()):
            raise OutcomeUnknown(
                "This registration came too late and is being undone; ask again in a moment."
            )
        view = await self.viewer.around(machine)
        return Standing(entry, entry_of_claims(view, entry), view)


def is_late(entry: MachineEntry, machine: Machine, now: float) -> bool:
    """Whether the machine can only come from a call that was made before its operation was given up.

    Such a call was stuck in NetBox, and came to its end when nobody waited for it any more.
    """
    over = entry.state in (MachineState.FAILED, MachineState.RETIRED) and entry.reason != ABANDONED
    if not over or machine.owner != entry.owner or machine.created is None:
        return False
    if machine.cluster is None or machine.cluster.id != entry.cluster_id:
        return False
    if entry.netbox_id is not None and machine.id <= entry.netbox_id:
        return False  # somebody may have given the former machine its claim back
    created = machine.created.timestamp()
    until = entry.changed_at + LATE_SECONDS
    return now <= until and entry.opened_at - _CLOCK_SLACK <= created <= until
