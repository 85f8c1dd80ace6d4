"""Retire a virtual machine: it goes, with its interfaces and addresses, and nothing else."""

from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import ClaimChanged, Forbidden, StillWorking
from app.domain.rights import Action
from app.ledger.ledger import Elsewhere, Overtaken
from app.ledger.machine_records import MachineState
from app.ledger.machines import MachineLedger
from app.ledger.records import Event
from app.operations.events import denials_recorded
from app.operations.machine_forward import FORCE_RETIRE, RETIRE, Forward, machine_event
from app.operations.machine_layout import Ground, Layout, check_going
from app.operations.machine_standing import MachineStanding, Standing
from app.operations.machine_view import check_nothing_foreign
from app.operations.sites import check_may_give_up, site_of_address, site_of_machine
from app.operations.turns import Turns
from app.telemetry.events import note

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RetireMachine:
    """DELETE: afterwards the key stands for nothing. A key that stands for nothing is left in peace."""

    ledger: MachineLedger
    turns: Turns
    standing: MachineStanding
    layout: Layout
    forward: Forward

    async def __call__(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Retire the machine.

        Raises:
            NotOwner: it belongs to somebody else.
            InUse: something hangs on it that this registration did not make; an operator may force it.
            ClaimChanged: a human gave the machine another key; an operator may force the key free.
            OperationStuck: something came to hang on it meanwhile.
        """
        event = machine_event(caller, FORCE_RETIRE if force else RETIRE, key)
        caller = replace(caller, forced=force)
        note(key=key)
        async with self.turns(key):
            for _ in range(_ATTEMPTS):
                try:
                    return await self._in_turn(caller, key, event, dry_run=dry_run)
                except (Elsewhere, Overtaken):  # another process was faster: look again
                    await self.turns.others.wait(key)
        raise StillWorking

    async def _in_turn(self, caller: Caller, key: str, event: Event, *, dry_run: bool) -> None:
        async with denials_recorded(self.ledger.ledger, event, dry_run=dry_run):
            if caller.forced and not caller.operator:
                raise Forbidden("Only an operator may force a retirement.")
            stand = await self._stand(caller, key)
            _check_rights(caller, key, stand)
            if not caller.forced:
                await self._check_unused(key, stand)
        entry = stand.entry or stand.known
        if entry is None or (stand.view is None and not self._has_rest(stand)):
            note(outcome="absent")
            return
        if dry_run:
            return
        retiring = replace(entry, state=MachineState.RETIRING, wanted=None, step="", reason="")
        work = await self.ledger.begin(event, retiring, expected=stand.known)
        await self.forward.retire(caller, work)

    async def _check_unused(self, key: str, stand: Standing) -> None:
        """Refuse to take away what somebody else uses."""
        entry = stand.entry or stand.known
        if entry is None:
            return
        if stand.view is not None:
            check_nothing_foreign(stand.view, key, entry.held.adopted)
        ground = Ground(key, entry.held, stand.view)
        check_going(ground, (), await self.layout.strays(ground, entry.held.parts))

    async def _stand(self, caller: Caller, key: str) -> Standing:
        try:
            return await self.standing.settled(caller, key)
        except ClaimChanged:
            if not caller.forced:
                raise
        return Standing(await self.ledger.find(key), None, None)

    def _has_rest(self, stand: Standing) -> bool:
        """Whether the ledger has something of a machine that is gone from NetBox, or another key's by now."""
        return stand.known is not None and stand.known.state is MachineState.DONE


def _check_rights(caller: Caller, key: str, stand: Standing) -> None:
    """The machine may be retired, and its addresses with it, wherever they are."""
    if stand.view is None:
        return
    owner = stand.entry.owner if stand.entry else ""
    machine = site_of_machine(stand.view.machine, owner)
    check_may_give_up(caller, machine, Action.RETIRE)
    for address in stand.view.claimed(key).values():
        here = replace(site_of_address(address, owner), name=machine.name, tenant=machine.tenant)
        check_may_give_up(caller, here, Action.RETIRE)
