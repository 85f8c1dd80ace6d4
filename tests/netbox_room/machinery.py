"""What the tests of machines share: a cluster of a test's own, and what is made in it."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.inventory import Draft
from app.domain.machines import InterfaceDraft, Machine, MachineDraft, VmInterface, interface_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.domain.inventory import Address
    from app.netbox import NetBox
    from app.operations import machine_ports
    from tests.netbox_room.conftest import Admin

MAC = "02:00:00:00:00:0A"


@dataclass
class Room:
    """The room and a cluster of the test's own."""

    netbox: NetBox
    admin: Admin
    cluster: int
    word: str

    @property
    def machines(self) -> machine_ports.Machines:
        """The machines, as the operations see them."""
        return self.netbox.machines

    def draft(self, number: int = 1, **traits: object) -> MachineDraft:
        """A machine to be made."""
        base = MachineDraft(
            key=f"{self.word}-{number}",
            owner="team",
            name=f"Vm-{self.word}-{number}",
            cluster_id=self.cluster,
        )
        return replace(base, **traits)  # type: ignore[arg-type]

    async def make(self, count: int = 1) -> list[Machine]:
        """New machines, asked for at once."""
        drafts = [self.draft(number) for number in range(1, count + 1)]
        return list(await asyncio.gather(*(self.machines.create(draft) for draft in drafts)))

    async def equip(self, machines: Sequence[Machine], mac: str | None = None) -> list[VmInterface]:
        """An interface for each, asked for at once."""
        made = (self.machines.create_interface(nic(machine, mac_address=mac)) for machine in machines)
        return list(await asyncio.gather(*made))

    async def address(self, interfaces: Sequence[VmInterface], host: int = 1) -> list[Address]:
        """An address on each."""
        base = self.admin.network().split("/")[0].removesuffix(".0")
        drafts = [
            Draft(
                key=f"{each.key}~v4~{host}",
                owner="team",
                address=ipaddress.ip_interface(f"{base}.{host + number}/24"),
                assigned_type="virtualization.vminterface",
                assigned_id=each.id,
            )
            for number, each in enumerate(interfaces)
        ]
        return [*(await self.netbox.addresses.create(None, drafts)).addresses]

    def macs(self, interface: VmInterface) -> list[str]:
        """The MAC addresses of an interface, by NetBox's own list."""
        url = f"{self.admin.url}/api/dcim/mac-addresses/?vminterface_id={interface.id}&ordering=id"
        return [row["mac_address"] for row in self.admin.get(url).json()["results"]]

    def tag(self) -> int:
        """A tag of the test's own."""
        return int(self.admin.make("extras/tags", name=self.word, slug=self.word)["id"])


def nic(machine: Machine, name: str = "eth0", number: int = 1, **traits: object) -> InterfaceDraft:
    """An interface to be made."""
    base = InterfaceDraft(
        key=interface_key(machine.key or "", number), owner="team", machine_id=machine.id, name=name
    )
    return replace(base, **traits)  # type: ignore[arg-type]


def room_in(netbox: NetBox, admin: Admin, unique: str) -> Room:
    """The room, and an empty cluster."""
    kind = admin.make("virtualization/cluster-types", name=unique, slug=unique)
    cluster = admin.make("virtualization/clusters", name=unique, type=kind["id"])
    return Room(netbox, admin, int(cluster["id"]), unique)
