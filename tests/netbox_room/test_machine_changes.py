"""Machines finished, changed and deleted: the same tests on both emulated versions and a real NetBox."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.machines import InterfaceChanges, Machine, MachineChanges, VmInterface
from app.domain.upstream import Missing, Rejected, Stale
from tests.netbox_room.machinery import MAC, Room, nic, room_in

if TYPE_CHECKING:
    from app.domain.inventory import Json
    from app.netbox import NetBox
    from tests.netbox_room.conftest import Admin


@pytest.fixture
def room(netbox: NetBox, admin: Admin, unique: str) -> Room:
    """The room, and an empty cluster."""
    return room_in(netbox, admin, unique)


# -- the last change ---------------------------------------------------------------------------


async def test_machines_are_finished_in_one_list(room: Room) -> None:
    """Each with its own primary address and status."""
    machines = await room.make(3)
    addresses = await room.address(await room.equip(machines))
    done = await asyncio.gather(
        *(
            room.machines.finish(
                machine, MachineChanges(status="active", primary_ip4=address.id, message="m")
            )
            for machine, address in zip(machines, addresses, strict=True)
        )
    )
    assert [(each.id, each.status, each.primary_ip4) for each in done] == [
        (machine.id, "active", address.id) for machine, address in zip(machines, addresses, strict=True)
    ]
    assert len({each.request_id for each in done}) == 1


async def test_a_primary_address_of_another_machine_is_refused_to_its_own_caller(room: Room) -> None:
    """4.7 names the id, 4.3 nothing: then halves find out."""
    machines = await room.make(3)
    addresses = await room.address(await room.equip(machines))
    wanted = [addresses[0].id, addresses[0].id, addresses[2].id]
    results = await asyncio.gather(
        *(
            room.machines.finish(machine, MachineChanges(primary_ip4=number))
            for machine, number in zip(machines, wanted, strict=True)
        ),
        return_exceptions=True,
    )
    assert [isinstance(each, Machine) for each in results] == [True, False, True]
    assert isinstance(results[1], Rejected)
    assert list(results[1].items[0].messages) == ["primary_ip4"]


async def test_a_machine_that_is_gone_is_missing_to_its_own_caller(room: Room) -> None:
    """4.7 refuses the list for it, 4.3 passes over it."""
    machines = await room.make(2)
    kept, gone = await asyncio.gather(
        room.machines.finish(machines[0], MachineChanges(status="active")),
        room.machines.finish(replace(machines[1], id=2**31 - 1), MachineChanges(status="active")),
        return_exceptions=True,
    )
    assert isinstance(kept, Machine)
    assert isinstance(gone, Missing)


# -- changing ----------------------------------------------------------------------------------


async def test_what_is_unset_is_left_alone_and_none_clears(room: Room) -> None:
    """Texts become empty; a name and a status stay."""
    made = await room.machines.create(
        room.draft(vcpus=2, memory_mb=5, disk_mb=6, description="d", comments="c", tag_ids=(room.tag(),))
    )
    changed = await change(room, made, MachineChanges(memory_mb=7))
    assert replace(changed, memory_mb=5) == made
    cleared = MachineChanges(
        name=None,
        status=None,
        device_id=None,
        tenant_id=None,
        role_id=None,
        platform_id=None,
        vcpus=None,
        memory_mb=None,
        disk_mb=None,
        description=None,
        comments=None,
        tag_ids=None,
        custom_fields=None,
        primary_ip4=None,
        primary_ip6=None,
    )
    bare = await change(room, made, cleared)
    assert bare == replace(
        made, vcpus=None, memory_mb=None, disk_mb=None, description="", comments="", tags=()
    )


async def change(room: Room, machine: Machine, changes: MachineChanges) -> Machine:
    """Change it as it is now."""
    read = await room.machines.read(machine.id)
    assert read is not None
    changed = await room.machines.change(read, changes)
    assert changed.request_id
    assert (changed.etag is None) == (read.etag is None)
    return changed


async def test_a_claim_can_be_given_and_taken(room: Room) -> None:
    """As when a machine that is there already is taken over; other custom fields stay."""
    made = room.admin.make("virtualization/virtual-machines", name=room.word, cluster=room.cluster)
    machine = await room.machines.read(int(made["id"]))
    assert machine is not None
    assert (machine.key, machine.owner) == (None, None)
    taken = await change(room, machine, MachineChanges(claim=(room.word, "team"), name=f"{room.word}-b"))
    assert (taken.key, taken.owner, taken.name) == (room.word, "team", f"{room.word}-b")
    left = await change(room, machine, MachineChanges(claim=None, description="was ours"))
    assert (left.key, left.owner, left.description) == (None, None, "was ours")


async def test_a_machine_that_changed_meanwhile_is_stale(room: Room) -> None:
    """Where NetBox has ETags; else the later change wins."""
    (made,) = await room.make()
    read = await room.machines.read(made.id)
    assert read is not None
    await room.machines.change(read, MachineChanges(comments="first"))
    if read.etag is None:
        after = await room.machines.change(read, MachineChanges(comments="second"))
        assert after.comments == "second"
        return
    with pytest.raises(Stale):
        await room.machines.change(read, MachineChanges(comments="second"))
    with pytest.raises(Stale):
        await room.machines.delete(read, "")
    assert await room.machines.read(made.id) is not None


async def test_a_machine_from_a_list_is_changed_without_an_etag_and_read_again(room: Room) -> None:
    """The change itself was made."""
    (made,) = await room.make()
    changed = await room.machines.change(made, MachineChanges(status="active"))
    assert changed.status == "active"
    assert changed.request_id
    with pytest.raises(Missing):
        await room.machines.change(replace(made, id=2**31 - 1), MachineChanges(status="active"))


async def test_an_interface_is_changed_and_cleared(room: Room) -> None:
    """What is unset stays."""
    (machine,) = await room.make()
    made = await room.machines.create_interface(nic(machine, mtu=1500, description="d"))
    changed = await fresh(room, made, InterfaceChanges(enabled=False, tag_ids=(room.tag(),), message="m"))
    assert (changed.enabled, changed.mtu, len(changed.tags)) == (False, 1500, 1)
    cleared = await fresh(
        room, made, InterfaceChanges(enabled=None, mtu=None, description=None, tag_ids=None, claim=None)
    )
    assert (cleared.enabled, cleared.mtu, cleared.description, cleared.tags) == (False, None, "", ())
    assert (cleared.key, cleared.owner) == (None, None)


async def fresh(room: Room, interface: VmInterface, changes: InterfaceChanges) -> VmInterface:
    """Change it as it is now."""
    read = await room.machines.interface(interface.id)
    assert read is not None
    changed = await room.machines.change_interface(read, changes)
    assert changed.request_id
    return changed


async def test_an_interface_that_changed_meanwhile_is_stale(room: Room) -> None:
    """Where NetBox has ETags."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine])
    read = await room.machines.interface(made.id)
    assert read is not None
    await room.machines.change_interface(made, InterfaceChanges(mtu=1500))
    if read.etag is None:
        return
    with pytest.raises(Stale):
        await room.machines.change_interface(read, InterfaceChanges(mtu=9000))
    with pytest.raises(Stale):
        await room.machines.delete_interface(read, "")


# -- MAC addresses -----------------------------------------------------------------------------


async def test_another_mac_address_takes_the_place_of_the_former_one(room: Room) -> None:
    """NetBox itself would keep both (4.7.3, measured)."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine], MAC)
    changed = await fresh(room, made, InterfaceChanges(mac_address="02:00:00:00:00:0b", mtu=1500))
    assert (changed.mac_address, changed.mtu) == ("02:00:00:00:00:0B", 1500)
    assert room.macs(made) == ["02:00:00:00:00:0B"]


async def test_a_mac_address_that_is_cleared_is_removed(room: Room) -> None:
    """And can be given again."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine], MAC)
    assert (await fresh(room, made, InterfaceChanges(mac_address=None))).mac_address is None
    assert room.macs(made) == []
    assert (await fresh(room, made, InterfaceChanges(mac_address=MAC))).mac_address == MAC
    assert (await fresh(room, made, InterfaceChanges(mac_address=MAC))).mac_address == MAC
    assert room.macs(made) == [MAC]


async def test_a_mac_address_that_the_interface_has_already_is_made_primary(room: Room) -> None:
    """As after a call that failed between making it and designating it; no second one is made."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine])
    room.admin.make(
        "dcim/mac-addresses",
        mac_address=MAC,
        assigned_object_type="virtualization.vminterface",
        assigned_object_id=made.id,
    )
    assert (await fresh(room, made, InterfaceChanges(mac_address=MAC))).mac_address == MAC
    assert room.macs(made) == [MAC]


async def test_mac_addresses_that_a_person_added_stay(room: Room) -> None:
    """Only the one that was primary goes, and not even that where it cannot be told from another."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine], MAC)
    on_it: dict[str, Json] = {
        "assigned_object_type": "virtualization.vminterface",
        "assigned_object_id": made.id,
    }
    room.admin.make("dcim/mac-addresses", mac_address="02:00:00:00:00:FF", **on_it)
    await fresh(room, made, InterfaceChanges(mac_address="02:00:00:00:00:0B"))
    assert room.macs(made) == ["02:00:00:00:00:FF", "02:00:00:00:00:0B"]
    room.admin.make("dcim/mac-addresses", mac_address="02:00:00:00:00:0B", **on_it)
    await fresh(room, made, InterfaceChanges(mac_address=None))
    assert len(room.macs(made)) == 3


# -- deleting ----------------------------------------------------------------------------------


async def test_an_interface_takes_its_addresses_and_mac_addresses_with_it(room: Room) -> None:
    """NetBox deletes them."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine], MAC)
    (address,) = await room.address([made])
    assert await room.machines.delete_interface(made, "no longer needed")
    assert await room.machines.interface(made.id) is None
    assert await room.machines.interfaces(machine.id) == []
    assert await room.netbox.addresses.read(address.id) is None
    with pytest.raises(Missing):
        await room.machines.delete_interface(made, "")


async def test_a_deleted_machine_is_gone_with_all_that_hangs_on_it(room: Room) -> None:
    """Another deletion finds nothing."""
    (machine,) = await room.make()
    nics = await room.equip([machine])
    (address,) = await room.address(nics)
    read = await room.machines.read(machine.id)
    assert read is not None
    assert await room.machines.delete(read, "retired")
    assert await room.machines.read(machine.id) is None
    assert await room.machines.find_claims([machine.key or ""]) == []
    assert await room.machines.interfaces(machine.id) == []
    assert await room.netbox.addresses.read(address.id) is None
    with pytest.raises(Missing):
        await room.machines.delete(read, "")


async def test_an_interface_of_a_machine_that_is_gone_is_refused(room: Room) -> None:
    """By its field, to its own caller."""
    (machine,) = await room.make()
    lost = replace(nic(machine), machine_id=2**31 - 1)
    made, refused = await asyncio.gather(
        room.machines.create_interface(nic(machine)),
        room.machines.create_interface(replace(lost, key="lost")),
        return_exceptions=True,
    )
    assert isinstance(made, VmInterface)
    assert isinstance(refused, Rejected)
    assert list(refused.items[0].messages) == ["virtual_machine"]
