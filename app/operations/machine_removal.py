"""Take away what was made for a machine's key, in reverse, and nothing else. What was adopted is let go.

Adding an interface leaves a machine's ETag as it was, and deleting a machine or an interface deletes what
hangs on it (measured on 4.7.3). So right before each deletion NetBox is asked what hangs there, and anything
that is not ours stops it. Between that look and the deletion a window is left that NetBox cannot close.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.domain.commands import Caller
from app.domain.errors import InUse, OutcomeUnknown, StillWorking
from app.domain.machines import InterfaceChanges, Machine, MachineChanges, VmInterface, interface_key
from app.domain.upstream import Missing, Stale, Unsure
from app.operations.machine_parts import Parts
from app.operations.machine_ports import Machines
from app.operations.machine_view import View, Viewer, check_nothing_foreign
from app.operations.plan import change_message

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Target:
    """A machine that something is taken away from; `adopted` are the claims on what was there before Berth.

    With `force` also what is not the key's goes with it.
    """

    key: str
    machine_id: int
    adopted: Sequence[str] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """Deletes machines and interfaces, or takes the claims off those that were adopted.

    Repeating it does no harm.
    """

    machines: Machines
    viewer: Viewer
    parts: Parts

    async def everything(self, caller: Caller, target: Target, view: View) -> str:
        """Free the addresses of the key, delete its interfaces, and the machine.

        Returns NetBox's id of the request.

        Raises:
            InUse: something hangs on it that is not the key's.
        """
        for part in sorted(view.claimed(target.key), reverse=True):
            await self.parts.free(caller, part, target.machine_id, force=target.force)
        for number in sorted(view.numbered(target.key), reverse=True):
            await self.interface(caller, target, number)
        return await self.machine(caller, target)

    async def interface(self, caller: Caller, target: Target, number: int) -> None:
        """Delete an interface of the key, if nothing is left on it; one that was adopted loses its claim.

        Raises:
            InUse: something is.
        """
        await _done(lambda: self._interface(caller, target, number))

    async def machine(self, caller: Caller, target: Target) -> str:
        """Delete the machine, if nothing foreign is on it; one that was adopted only loses its claim.

        One that is another key's by now is left.
        """
        return await _done(lambda: self._machine(caller, target))

    async def _interface(self, caller: Caller, target: Target, number: int) -> str:
        machine = await self.machines.read(target.machine_id)
        if machine is None:
            return ""
        view = await self.viewer.around(machine)
        listed = view.numbered(target.key).get(number)
        interface = await self.machines.interface(listed.id) if listed else None
        if listed is None or interface is None or interface.key != listed.key:
            return ""
        message = change_message(caller, "retire", target.key)
        if interface_key(target.key, number) in target.adopted:
            changes = InterfaceChanges(claim=None, message=message)
            return (await self.machines.change_interface(interface, changes)).request_id
        if not target.force:
            _check_bare(view, interface)
        return await self.machines.delete_interface(interface, message)

    async def _machine(self, caller: Caller, target: Target) -> str:
        machine = await self.machines.read(target.machine_id)
        if machine is None or machine.key != target.key:
            return ""
        message = change_message(caller, "retire", target.key)
        if target.key in target.adopted:
            return await self._let_go(machine, message)
        if not target.force:
            check_nothing_foreign(await self.viewer.around(machine), target.key)
        return await self.machines.delete(machine, message)

    async def _let_go(self, machine: Machine, message: str) -> str:
        return (await self.machines.change(machine, MachineChanges(claim=None, message=message))).request_id


def _check_bare(view: View, interface: VmInterface) -> None:
    if left := view.on(interface):
        addresses = ", ".join(str(each.address) for each in left)
        raise InUse(
            f"{addresses} is on the interface {interface.name} of {view.machine.name}, which is to go. "
            "Remove it there first."
        )


async def _done(attempt: Callable[[], Awaitable[str]]) -> str:
    """One write, repeated where the object changed between our look and our call.

    Raises:
        OutcomeUnknown: NetBox did not say whether it did it.
        StillWorking: it keeps changing.
    """
    for _ in range(_TRIES):
        try:
            return await attempt()
        except Missing:
            return ""
        except Stale:
            continue
        except Unsure as error:
            raise OutcomeUnknown from error
    raise StillWorking
