"""What the operations on virtual machines ask of NetBox. Every method may raise `app.domain.upstream`'s."""

from collections.abc import Sequence
from typing import Protocol

from app.domain.inventory import Address
from app.domain.machines import (
    InterfaceChanges,
    InterfaceDraft,
    Machine,
    MachineChanges,
    MachineDraft,
    VmInterface,
)


class Machines(Protocol):
    """Virtual machines in NetBox, their interfaces, and the addresses on these."""

    async def read(self, netbox_id: int) -> Machine | None:
        """The machine with this id and its ETag (NetBox >= 4.6); None on NetBox's 404."""
        ...

    async def read_many(self, netbox_ids: Sequence[int]) -> list[Machine]:
        """Those of the machines that NetBox shows, without ETags; simultaneous callers share a call."""
        ...

    async def find_claims(self, keys: Sequence[str]) -> list[Machine]:
        """Every machine whose `berth_key` is exactly one of the keys."""
        ...

    async def find_name(self, name: str, cluster_id: int) -> list[Machine]:
        """Every machine of the cluster with this name, whatever its letter case; callers share a call."""
        ...

    async def interfaces(self, machine_id: int) -> list[VmInterface]:
        """Every interface of the machine, in order of id; simultaneous callers share a call."""
        ...

    async def addresses(self, machine_id: int) -> list[Address]:
        """Every address on an interface of the machine, by id; simultaneous callers share a call."""
        ...

    async def interface(self, netbox_id: int) -> VmInterface | None:
        """The interface with this id and its ETag (NetBox >= 4.6); None on NetBox's 404."""
        ...

    async def create(self, draft: MachineDraft) -> Machine:
        """Create a machine. What is asked for meanwhile goes to NetBox in the next list.

        Raises:
            Rejected: `items` has this draft's fault alone, at position 0; of kind CLAIM where the claim is
                taken, DUPLICATE where the name is.
            Unsure: NetBox may have created it, or not.
        """
        ...

    async def create_interface(self, draft: InterfaceDraft) -> VmInterface:
        """Create an interface with its MAC address. Lists and errors as in `create`.

        DUPLICATE: the machine has an interface of that name. On NetBox < 4.7 the MAC address takes calls of
        its own; where they fail the interface is there without it (Unsure), and `change_interface` sets it.
        """
        ...

    async def finish(self, machine: Machine, changes: MachineChanges) -> Machine:
        """Change a machine that this registration has just made, without If-Match; in lists as `create`."""
        ...

    async def change(self, machine: Machine, changes: MachineChanges) -> Machine:
        """Change a machine, only if it is still as it was read (`etag`).

        Raises:
            Stale: it changed since.
        """
        ...

    async def change_interface(self, interface: VmInterface, changes: InterfaceChanges) -> VmInterface:
        """Change an interface, only if it is still as it was read (`etag`).

        Raises:
            Stale: it changed since.
        """
        ...

    async def delete(self, machine: Machine, message: str) -> str:
        """Delete a machine, only if it is as it was read; NetBox deletes whatever hangs on it.

        Returns NetBox's id of the request.

        Raises:
            Missing: it is not there.
            Stale: it changed since.
        """
        ...

    async def delete_interface(self, interface: VmInterface, message: str) -> str:
        """Delete an interface, only if it is as it was read; NetBox deletes its addresses with it."""
        ...
