"""Machines and interfaces made and found: the same tests on both emulated versions and a real NetBox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.domain.inventory import Kind
from app.domain.machines import Machine, VmInterface
from app.domain.upstream import FaultKind, Rejected, Unsure
from tests.netbox_room.machinery import MAC, Room, nic, room_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.domain.inventory import Json
    from app.netbox import NetBox
    from tests.netbox_room.conftest import Admin


@pytest.fixture
def room(netbox: NetBox, admin: Admin, unique: str) -> Room:
    """The room, and an empty cluster."""
    return room_in(netbox, admin, unique)


# -- creating ----------------------------------------------------------------------------------


async def test_a_machine_is_made_with_all_that_it_has(room: Room) -> None:
    """And found again by id, claim and name."""
    tag = room.tag()
    tenant = room.admin.make("tenancy/tenants", name=room.word, slug=room.word)["id"]
    role = room.admin.make("dcim/device-roles", name=room.word, slug=room.word)["id"]
    platform = room.admin.make("dcim/platforms", name=room.word, slug=room.word)["id"]
    draft = room.draft(
        tenant_id=tenant,
        role_id=role,
        platform_id=platform,
        vcpus=1.5,
        memory_mb=2048,
        disk_mb=20_000,
        description="d",
        comments="c",
        tag_ids=(tag,),
        message="made by a test",
    )
    made = await room.machines.create(draft)
    assert (made.key, made.owner, made.name, made.status) == (draft.key, "team", draft.name, "staged")
    assert (made.vcpus, made.memory_mb, made.disk_mb) == (1.5, 2048, 20_000)
    assert (made.description, made.comments, [each.id for each in made.tags]) == ("d", "c", [tag])
    places = (made.tenant, made.role, made.platform, made.cluster)
    assert [each.id if each else None for each in places] == [tenant, role, platform, room.cluster]
    assert made.request_id
    assert made.url.endswith(f"/virtualization/virtual-machines/{made.id}/")
    again = await room.machines.read(made.id)
    assert again == made
    assert await room.machines.read_many([made.id]) == [made]
    assert await room.machines.find_claims([draft.key, "null", ""]) == [made]
    assert await room.machines.find_name(draft.name.upper(), room.cluster) == [made]


async def test_a_machine_read_alone_has_an_etag_where_netbox_sends_one(room: Room) -> None:
    """Since 4.6; a list has none."""
    (made,) = await room.make()
    modern = (await room.netbox.facts()).has_etags
    read = await room.machines.read(made.id)
    assert read is not None
    assert (read.etag is not None) == modern
    assert made.etag is None


async def test_machines_asked_for_at_once_are_made_in_one_list(room: Room) -> None:
    """Each caller gets its own; all of them carry one request of NetBox's change log."""
    made = await room.make(5)
    assert [each.key for each in made] == [f"{room.word}-{n}" for n in range(1, 6)]
    assert len({each.request_id for each in made}) == 1


async def test_a_taken_claim_and_a_taken_name_are_told_to_their_own_callers(room: Room) -> None:
    """The others are made all the same."""
    await room.make(2)
    drafts = [room.draft(1, name="else"), room.draft(3), room.draft(4, name=f"vm-{room.word}-2")]
    first, second, third = await asyncio.gather(
        *(room.machines.create(draft) for draft in drafts), return_exceptions=True
    )
    assert isinstance(second, Machine)
    assert isinstance(first, Rejected)
    assert first.items[0].kind is FaultKind.CLAIM
    assert isinstance(third, Rejected)
    assert third.items[0].kind is FaultKind.DUPLICATE


async def test_a_claim_that_is_taken_together_with_the_name_is_a_taken_claim(room: Room) -> None:
    """As when a lost answer's machine is sent again."""
    await room.make()
    with pytest.raises(Rejected) as refused:
        await room.machines.create(room.draft())
    assert refused.value.items[0].kind is FaultKind.CLAIM


async def test_a_value_that_netbox_does_not_know_is_refused_by_its_field(room: Room) -> None:
    """With NetBox's name of it."""
    with pytest.raises(Rejected) as refused:
        await room.machines.create(room.draft(status="asleep"))
    assert list(refused.value.items[0].messages) == ["status"]


async def test_twelve_creations_of_one_machine_make_one(room: Room) -> None:
    """Their claim and name keep them out of one list, and all but the first are refused."""
    results = await asyncio.gather(
        *(room.machines.create(room.draft()) for _ in range(12)), return_exceptions=True
    )
    assert sum(isinstance(each, Machine) for each in results) == 1
    assert all(each.items[0].kind is FaultKind.CLAIM for each in results if isinstance(each, Rejected))
    assert len(await room.machines.find_claims([f"{room.word}-1"])) == 1


async def test_of_machines_of_one_name_made_beside_each_other_one_is_there(
    room: Room, reach: Callable[..., NetBox]
) -> None:
    """Twelve processes: the losers are told that the name is taken, or (a 500) that it is not known."""
    rooms = [
        Room(reach(room.admin.url, room.admin.token), room.admin, room.cluster, f"{room.word}{n}")
        for n in range(12)
    ]
    told = await asyncio.gather(
        *(each.machines.create(each.draft(name="one")) for each in rooms), return_exceptions=True
    )
    (made,) = [each for each in told if isinstance(each, Machine)]
    for each in told:
        duplicate = isinstance(each, Rejected) and each.items[0].kind is FaultKind.DUPLICATE
        assert duplicate or isinstance(each, Machine | Unsure)
    assert await room.machines.find_name("one", room.cluster) == [made]


# -- interfaces --------------------------------------------------------------------------------


async def test_interfaces_of_several_machines_are_made_in_one_list(room: Room) -> None:
    """Each with its claim and its MAC address, however that is written."""
    machines = await room.make(3)
    made = await room.equip(machines, MAC.lower().replace(":", "-"))
    assert [each.machine_id for each in made] == [each.id for each in machines]
    assert [each.key for each in made] == [f"{each.key}~1" for each in machines]
    assert [each.mac_address for each in made] == [MAC] * 3
    assert len({each.request_id for each in made}) == 1
    assert [room.macs(each) for each in made] == [[MAC]] * 3


async def test_an_interface_is_made_with_all_that_it_has(room: Room) -> None:
    """And listed with the machine's others in order of id."""
    (machine,) = await room.make()
    tag = room.tag()
    draft = nic(machine, mtu=1500, enabled=False, description="d", tag_ids=(tag,), message="made by a test")
    made = await room.machines.create_interface(draft)
    assert (made.name, made.mtu, made.enabled, made.description) == ("eth0", 1500, False, "d")
    assert (made.owner, made.mac_address, [each.id for each in made.tags]) == ("team", None, [tag])
    second = await room.machines.create_interface(nic(machine, "eth1", 2))
    assert [each.id for each in await room.machines.interfaces(machine.id)] == [made.id, second.id]
    assert await room.machines.interface(made.id) == made
    assert await room.machines.interface(2**31 - 1) is None


async def test_a_name_that_an_interface_of_the_machine_has_is_a_duplicate(room: Room) -> None:
    """Told to its own caller, while another is served."""
    (machine,) = await room.make()
    await room.equip([machine])
    drafts = [nic(machine, "eth0", 2), nic(machine, "eth1", 3), nic(machine, "eth2", 1)]
    taken, made, claimed = await asyncio.gather(
        *(room.machines.create_interface(draft) for draft in drafts), return_exceptions=True
    )
    assert isinstance(made, VmInterface)
    assert isinstance(taken, Rejected)
    assert taken.items[0].kind is FaultKind.DUPLICATE
    assert isinstance(claimed, Rejected)
    assert claimed.items[0].kind is FaultKind.CLAIM


# -- finding -----------------------------------------------------------------------------------


async def test_machines_are_found_by_exact_claims(room: Room) -> None:
    """Not by a part, nor in another case."""
    made = await room.make(2)
    asked = [f"{room.word}-1", f"{room.word}-2", room.word, f"{room.word}-1".upper()]
    found = await room.machines.find_claims(asked)
    assert sorted(each.id for each in found) == sorted(each.id for each in made)
    assert await room.machines.find_claims(["null", ""]) == []


async def test_names_are_found_within_their_cluster(room: Room) -> None:
    """Several callers' names in one call; a cluster that does not exist holds nothing."""
    await room.make(2)
    other = room.admin.make(
        "virtualization/clusters", name=f"{room.word}-2", type=room.admin.make(
            "virtualization/cluster-types", name=f"{room.word}-2", slug=f"{room.word}-2")["id"]
    )  # fmt: skip
    asked = [(1, room.cluster), (2, room.cluster), (1, int(other["id"])), (1, 2**31 - 1), (3, room.cluster)]
    found = await asyncio.gather(
        *(room.machines.find_name(f"VM-{room.word}-{number}", cluster) for number, cluster in asked)
    )
    assert [[each.key for each in rows] for rows in found] == [
        [f"{room.word}-1"],
        [f"{room.word}-2"],
        [],
        [],
        [],
    ]
    assert await room.machines.find_name("", room.cluster) == []


async def test_interfaces_and_addresses_are_found_by_their_machine(room: Room) -> None:
    """Callers share a call; a machine that does not exist has none."""
    machines = await room.make(2)
    nics = await room.equip(machines)
    addresses = [*await room.address(nics), *await room.address(nics[:1], 9)]
    asked = [machines[0].id, machines[1].id, 2**31 - 1]
    listed = await asyncio.gather(*(room.machines.interfaces(each) for each in asked))
    assert [[each.id for each in rows] for rows in listed] == [[nics[0].id], [nics[1].id], []]
    held = await asyncio.gather(*(room.machines.addresses(each) for each in asked))
    assert [[each.id for each in rows] for rows in held] == [
        [addresses[0].id, addresses[2].id],
        [addresses[1].id],
        [],
    ]


@pytest.mark.parametrize("kind", [Kind.DEVICE_ROLE, Kind.PLATFORM, Kind.CLUSTER])
async def test_what_a_machine_needs_is_found_by_its_name(room: Room, kind: Kind) -> None:
    """Its id, and where there are slugs the slug."""
    path = {Kind.DEVICE_ROLE: "dcim/device-roles", Kind.PLATFORM: "dcim/platforms"}.get(kind)
    made = room.admin.make(path, name=f"{room.word} x", slug=room.word)["id"] if path else room.cluster
    named = f"{room.word} x" if path else room.word
    found = await room.netbox.inventory.references(kind, [named, made])
    assert [each.id for each in found.values()] == [made, made]


async def test_a_device_is_found_by_its_name(room: Room) -> None:
    """A machine can be bound to it; one without a name is shown without one."""
    word = room.word
    maker = room.admin.make("dcim/manufacturers", name=word, slug=word)["id"]
    kind = room.admin.make("dcim/device-types", manufacturer=maker, model=word, slug=word)["id"]
    role = room.admin.make("dcim/device-roles", name=word, slug=word)["id"]
    site = room.admin.make("dcim/sites", name=word, slug=word)["id"]
    device: dict[str, Json] = {"device_type": kind, "role": role, "site": site, "cluster": room.cluster}
    named = int(room.admin.make("dcim/devices", name=word, **device)["id"])
    nameless = int(room.admin.make("dcim/devices", **device)["id"])
    found = await room.netbox.inventory.references(Kind.DEVICE, [word])
    assert [each.id for each in found.values()] == [named]
    machine = await room.machines.create(room.draft(1, device_id=named))
    assert machine.device
    assert (machine.device.id, machine.device.name) == (named, word)
    machine = await room.machines.create(room.draft(2, device_id=nameless))
    assert machine.device
    assert (machine.device.id, machine.device.name) == (nameless, "")
