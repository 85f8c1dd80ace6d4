"""Take away what was made for a machine's key, in reverse, and nothing else.

Adding an interface leaves a machine's ETag as it was, and deleting a machine or an interface deletes what
hangs on it (measured on 4.7.3). So right before each deletion NetBox is asked what hangs there, and anything
that is not ours stops it. Between that look and the deletion a window is left that NetBox cannot close.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.domain.commands import Caller
from app.domain.errors import InUse, OutcomeUnknown, StillWorking
from app.domain.upstream import Missing, Stale, Unsure
from app.operations.machine_parts import Parts
from app.operations.machine_ports import Machines
from app.operations.machine_view import View, Viewer, check_nothing_foreign
from app.operations.plan import change_message

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Removal:
    """Deletes machines and interfaces. Repeating it does no harm."""

    machines: Machines
    viewer: Viewer
    parts: Parts

    async def everything(self, caller: Caller, key: str, view: View, *, force: bool = False) -> str:
        """Free the addresses of the key, delete its interfaces, and the machine.

        With `force` also what is not the key's goes with the machine. Returns NetBox's id of the request.

        Raises:
            InUse: something hangs on it that is not the key's.
        """
        for part in sorted(view.claimed(key), reverse=True):
            await self.parts.free(caller, part, view.machine.id)
        for number in sorted(view.numbered(key), reverse=True):
            await self.interface(caller, key, number, view.machine.id)
        return await self.machine(caller, key, view.machine.id, force=force)

    async def interface(self, caller: Caller, key: str, number: int, machine_id: int) -> None:
        """Delete an interface of the key, if nothing is left on it.

        Raises:
            InUse: something is.
        """
        await _deleted(lambda: self._interface(caller, key, number, machine_id))

    async def machine(self, caller: Caller, key: str, machine_id: int, *, force: bool = False) -> str:
        """Delete the machine, if nothing foreign is on it; one that is another key's by now is left."""
        return await _deleted(lambda: self._machine(caller, key, machine_id, force=force))

    async def _interface(self, caller: Caller, key: str, number: int, machine_id: int) -> str:
        machine = await self.machines.read(machine_id)
        if machine is None:
            return ""
        view = await self.viewer.around(machine)
        listed = view.numbered(key).get(number)
        interface = await self.machines.interface(listed.id) if listed else None
        if listed is None or interface is None or interface.key != listed.key:
            return ""
        if left := view.on(interface):
            addresses = ", ".join(str(each.address) for each in left)
            raise InUse(
                f"{addresses} is on the interface {interface.name} of {machine.name}, which is to go."
            )
        return await self.machines.delete_interface(interface, change_message(caller, "retire", key))

    async def _machine(self, caller: Caller, key: str, machine_id: int, *, force: bool) -> str:
        machine = await self.machines.read(machine_id)
        if machine is None or machine.key != key:
            return ""
        if not force:
            check_nothing_foreign(await self.viewer.around(machine), key)
        return await self.machines.delete(machine, change_message(caller, "retire", key))


async def _deleted(attempt: Callable[[], Awaitable[str]]) -> str:
    """One deletion, repeated where the object changed between our look and our call.

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
