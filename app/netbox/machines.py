"""Virtual machines, their interfaces, and the addresses on these: the room's side of registering them.

None of these writes takes NetBox's advisory lock, so nothing arbitrates between two of them but the database:
of two machines of one name in a cluster the loser gets a 400, or a 500 (`Unsure`); a claim can even be taken
twice at the same moment (of 12 at once 7 were made, where no name stood in the way: measured).
"""

from collections.abc import Hashable, Sequence

from app.allocation.lists import Lists
from app.domain.inventory import Address
from app.domain.machines import (
    InterfaceChanges,
    InterfaceDraft,
    Machine,
    MachineChanges,
    MachineDraft,
    VmInterface,
)
from app.domain.upstream import Rejected
from app.netbox import deadline
from app.netbox.interface_writes import InterfaceWrites
from app.netbox.machine_lookups import MachineLookups
from app.netbox.machine_writes import LastChange, MachineWrites, gone
from app.netbox.macs import MacAddresses
from app.netbox.resilience import Line
from app.netbox.translate_machines import Nic
from app.telemetry.events import note_netbox_request


class Machines:
    """Virtual machines that exist in NetBox, or shall.

    Creations, and the last change of what was created, go in lists: one call in flight for each of the three.
    """

    def __init__(self, line: Line, lookups: MachineLookups) -> None:
        self.lookups = lookups
        self._machines = MachineWrites(line, lookups)
        self._interfaces = InterfaceWrites(line, lookups, MacAddresses(line, lookups.links))
        self._new: Lists[MachineDraft, Machine] = Lists(self._machines.create, line.clock, _marks)
        self._last: Lists[LastChange, Machine] = Lists(
            self._machines.finish, line.clock, lambda each: (each.machine.id,)
        )
        self._nics: Lists[InterfaceDraft, Nic] = Lists(self._interfaces.create, line.clock, _nic_marks)

    async def read(self, netbox_id: int) -> Machine | None:
        """The machine with this id and its ETag (NetBox >= 4.6); None on NetBox's 404."""
        return await self.lookups.read(netbox_id)

    async def read_many(self, netbox_ids: Sequence[int]) -> list[Machine]:
        """Those of the machines that NetBox shows, without ETags; simultaneous callers share a call."""
        return await self.lookups.read_many(netbox_ids)

    async def find_claims(self, keys: Sequence[str]) -> list[Machine]:
        """Every machine whose `berth_key` is exactly one of the keys; callers share a call."""
        return await self.lookups.find_claims(keys)

    async def find_name(self, name: str, cluster_id: int) -> list[Machine]:
        """Every machine of the cluster with this name, whatever its letter case; callers share a call."""
        return await self.lookups.find_name(name, cluster_id)

    async def interfaces(self, machine_id: int) -> list[VmInterface]:
        """Every interface of the machine, in order of id; simultaneous callers share a call."""
        return await self.lookups.interfaces(machine_id)

    async def addresses(self, machine_id: int) -> list[Address]:
        """Every address on an interface of the machine, by id; simultaneous callers share a call."""
        return await self.lookups.addresses(machine_id)

    async def interface(self, netbox_id: int) -> VmInterface | None:
        """The interface with this id and its ETag (NetBox >= 4.6); None on NetBox's 404."""
        return await self.lookups.interface(netbox_id)

    async def create(self, draft: MachineDraft) -> Machine:
        """Create a machine. What is asked for meanwhile goes to NetBox in the next list.

        Raises:
            Rejected: `items` has this draft's fault alone, at position 0; of kind CLAIM where the claim is
                taken, DUPLICATE where the name is.
            Unsure: NetBox may have created it, or not.
        """
        machine = await self._new.add(draft, deadline.current())
        note_netbox_request(machine.request_id)
        return machine

    async def create_interface(self, draft: InterfaceDraft) -> VmInterface:
        """Create an interface with its MAC address. Lists and errors as in `create`.

        DUPLICATE: the machine has an interface of that name. On NetBox < 4.7 the MAC address takes calls of
        its own; where they fail the interface is there without it (Unsure), and `change_interface` sets it.
        """
        nic = await self._nics.add(draft, deadline.current())
        note_netbox_request(nic.interface.request_id)
        return await self._interfaces.complete(nic, draft)

    async def finish(self, machine: Machine, changes: MachineChanges) -> Machine:
        """Change a machine that this registration has just made, without If-Match; in lists as `create`.

        Raises:
            Missing: it is not there any more.
        """
        try:
            after = await self._last.add(LastChange(machine, changes), deadline.current())
        except Rejected as error:
            raise gone(error) from None
        note_netbox_request(after.request_id)
        return after

    async def change(self, machine: Machine, changes: MachineChanges) -> Machine:
        """Change a machine, only if it is still as it was read (`etag`); without one, read it afterwards.

        Raises:
            Stale: it changed since.
            Unsure: also when it cannot be read afterwards.
        """
        return await self._machines.change(machine, changes)

    async def change_interface(self, interface: VmInterface, changes: InterfaceChanges) -> VmInterface:
        """Change an interface, only if it is still as it was read (`etag`); without one, as `change`.

        With another MAC address the former one is removed, if it is still one of the interface's.

        Raises:
            Stale: it changed since.
            Unsure: also when it was changed but for its MAC address (NetBox < 4.7).
        """
        return await self._interfaces.change(interface, changes)

    async def delete(self, machine: Machine, message: str) -> str:
        """Delete a machine, only if it is as it was read; NetBox deletes whatever hangs on it.

        Returns NetBox's id of the request.

        Raises:
            Missing: it is not there.
            Stale: it changed since.
        """
        return await self._machines.delete(machine, message)

    async def delete_interface(self, interface: VmInterface, message: str) -> str:
        """Delete an interface, only if it is as it was read; its addresses and MAC addresses go with it."""
        return await self._interfaces.delete(interface, message)


def _marks(draft: MachineDraft) -> tuple[Hashable, ...]:
    return ("claim", draft.key), ("name", draft.name.lower(), draft.cluster_id)


def _nic_marks(draft: InterfaceDraft) -> tuple[Hashable, ...]:
    return ("claim", draft.key), ("name", draft.name, draft.machine_id)
