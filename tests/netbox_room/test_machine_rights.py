"""The rights that registering machines takes, found by removing one at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from app.domain.inventory import Kind
from app.domain.machines import InterfaceChanges, MachineChanges, VmInterface
from app.domain.upstream import PermissionRefused, Unsure
from app.netbox.rights import RIGHTS, Right
from tests.netbox_room.machinery import MAC, Room, nic, room_in

if TYPE_CHECKING:
    from app.netbox import NetBox
    from tests.netbox_room.conftest import Admin

Reach = Callable[..., "NetBox"]
OTHER_MAC = "02:00:00:00:00:0B"


@dataclass
class Desk:
    """What a token tries, on what an administrator has made for it: by the name of each step."""

    full: Room
    own: Room

    async def failing(self) -> set[str]:
        """The steps that NetBox forbids, or leaves half done for want of a right."""
        steps = await self._steps()
        return {name for name, step in steps.items() if not await _works(step)}

    async def _steps(self) -> dict[str, Callable[[], Awaitable[object]]]:
        own, full = self.own.machines, self.full.machines
        one, two, three = await self.full.make(3)
        nics = await self.full.equip([one, two, three], MAC)
        await self.full.address(nics[:1])
        claim, name, cluster = one.key or "", one.name, self.full.cluster
        return {
            "create": lambda: own.create(self.own.draft(9)),
            "equip": lambda: own.create_interface(nic(one, "eth1", 2)),
            "equip with a MAC address": lambda: own.create_interface(nic(one, "eth2", 3, mac_address=MAC)),
            "finish": lambda: own.finish(one, MachineChanges(status="active")),
            "find": lambda: _all(own.find_claims([claim]), own.find_name(name, cluster), own.read(one.id)),
            "look": lambda: _all(own.interfaces(one.id), own.interface(nics[0].id)),
            "see addresses": lambda: own.addresses(one.id),
            "change": lambda: own.change(one, MachineChanges(comments="c")),
            "change an interface": lambda: own.change_interface(nics[1], InterfaceChanges(mtu=1500)),
            "replace a MAC address": lambda: self._replaced(nics[1]),
            "delete an interface": lambda: own.delete_interface(nics[2], ""),
            "delete": lambda: own.delete(two, ""),
            "name a cluster": lambda: self.own.netbox.inventory.references(Kind.CLUSTER, [cluster]),
            "name a device role": lambda: self.own.netbox.inventory.references(Kind.DEVICE_ROLE, ["x"]),
            "name a platform": lambda: self.own.netbox.inventory.references(Kind.PLATFORM, ["x"]),
            "name a device": lambda: self.own.netbox.inventory.references(Kind.DEVICE, ["x"]),
            "end": lambda: full.read(one.id),
        }

    async def _replaced(self, interface: VmInterface) -> None:
        read = await self.full.machines.interface(interface.id)
        assert read is not None
        await self.own.machines.change_interface(read, InterfaceChanges(mac_address=OTHER_MAC))
        if self.full.macs(interface) != [OTHER_MAC]:
            raise PermissionRefused("the former one is still there")


async def _all(*reads: Awaitable[object]) -> None:
    await asyncio.gather(*reads)


async def _works(step: Callable[[], Awaitable[object]]) -> bool:
    try:
        await step()
    except (PermissionRefused, Unsure):
        return False
    return True


FOR_MACHINES = [
    right
    for right in RIGHTS
    if right.model.startswith("virtualization.")
    or right.model in ("dcim.macaddress", "dcim.devicerole", "dcim.platform", "dcim.device")
    or str(right) == "view ipam.ipaddress"
]
LOST: dict[str, set[str]] = {
    "add virtualization.virtualmachine": {"create"},
    "view virtualization.virtualmachine": {"find", "change"},
    "change virtualization.virtualmachine": {"finish", "change"},
    "delete virtualization.virtualmachine": {"delete"},
    "add virtualization.vminterface": {"equip", "equip with a MAC address"},
    "view virtualization.vminterface": {"look", "change an interface"},
    "change virtualization.vminterface": {"change an interface", "replace a MAC address"},
    "delete virtualization.vminterface": {"delete an interface"},
    "add dcim.macaddress": {"equip with a MAC address", "replace a MAC address"},
    "delete dcim.macaddress": {"replace a MAC address"},
    "view ipam.ipaddress": {"see addresses"},
    "view virtualization.cluster": {"name a cluster"},
    "view dcim.devicerole": {"name a device role"},
    "view dcim.platform": {"name a platform"},
    "view dcim.device": {"name a device"},
}
BEFORE_4_7 = {
    "change virtualization.vminterface": {"equip with a MAC address"},
    "view virtualization.vminterface": {"replace a MAC address"},
}
"""What is lost besides, where MAC addresses take calls of their own, and ETags do not save a read."""


def token(admin: Admin, name: str, rights: list[Right]) -> str:
    """The token of a user with just these rights."""
    user = admin.make("users/users", username=name, password="Some-Password-1!")
    for action in ("view", "add", "change", "delete"):
        admin.make(
            "users/permissions",
            name=f"{name}-{action}",
            object_types=[right.model for right in rights if right.action == action],
            actions=[action],
            users=[user["id"]],
        )
    own = secrets.token_hex(20)
    made = admin.make("users/tokens", user=user["id"], key=own)
    return f"nbt_{made['key']}.{made['token']}" if "token" in made else own  # 4.7 makes its own


def test_every_right_is_tried() -> None:
    """Those that `berth doctor` looks at."""
    assert {str(right) for right in FOR_MACHINES} == set(LOST)


@pytest.mark.parametrize("lost", [None, *LOST])
async def test_each_right_is_needed_for_what_is_said(
    netbox: NetBox, admin: Admin, reach: Reach, unique: str, lost: str | None
) -> None:
    """With all of them everything works; without one only that one's steps do not."""
    full = room_in(netbox, admin, unique)
    rights = [right for right in FOR_MACHINES if str(right) != lost]
    own = Room(reach(admin.url, token(admin, unique, rights)), admin, full.cluster, unique)
    await own.netbox.facts()
    expected = LOST.get(lost or "", set())
    if own.netbox.line.series and own.netbox.line.series < (4, 7):
        expected = expected | BEFORE_4_7.get(lost or "", set())
    assert await Desk(full, own).failing() == expected
