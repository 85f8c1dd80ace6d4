"""What goes wrong while machines are made and changed, on both emulated versions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator

import pytest

from app.domain.inventory import Json
from app.domain.machines import InterfaceChanges, InterfaceDraft, Machine, MachineChanges
from app.domain.upstream import FaultKind, NotSent, PermissionRefused, Rejected, Unsure
from app.emulator import SEED_TOKEN, create_app, running
from app.netbox import NetBox, deadline
from tests.netbox_room.conftest import Admin, prepared
from tests.netbox_room.machinery import MAC, Room, nic, room_in

Reach = Callable[..., NetBox]
CREATE = "POST /api/virtualization/virtual-machines/"
MACHINES = "/api/virtualization/virtual-machines/"
MACS = "/api/dcim/mac-addresses/*"


@pytest.fixture(params=["4.7", "4.3"])
def emulated(request: pytest.FixtureRequest) -> Iterator[Admin]:
    """An emulator of its own for a test that sets faults or counts calls."""
    with running(create_app(version=request.param)) as url, prepared(url, SEED_TOKEN) as session:
        session.delete(f"{url}/_emulator/requests")
        yield session


@pytest.fixture
def room(emulated: Admin, reach: Reach, unique: str) -> Room:
    """The room, and an empty cluster."""
    return room_in(reach(emulated.url), emulated, unique)


@pytest.mark.parametrize("fault", [{"kind": "answer_lost"}, {"kind": "error_after", "status": 504}])
async def test_a_lost_answer_leaves_every_member_in_doubt_and_nothing_is_sent_again(
    room: Room, fault: dict[str, Json]
) -> None:
    """All were made; only their claims tell, and keep a second attempt from making more."""
    room.admin.fault(method="POST", path=MACHINES, times=1, **fault)
    drafts = [room.draft(number) for number in (1, 2, 3)]
    told = await asyncio.gather(*map(room.machines.create, drafts), return_exceptions=True)
    assert [type(each) for each in told if isinstance(each, Unsure)] == [type(told[0])] * 3
    assert room.admin.counts()[CREATE] == 1
    assert len(await room.machines.find_claims([draft.key for draft in drafts])) == 3
    with pytest.raises(Rejected) as refused:
        await room.machines.create(drafts[1])
    assert refused.value.items[0].kind is FaultKind.CLAIM


async def test_a_netbox_that_is_not_reached_made_nothing(room: Room, reach: Reach) -> None:
    """The same for every member."""
    away = Room(reach("http://127.0.0.1:1"), room.admin, room.cluster, room.word)
    told = await asyncio.gather(
        *(away.machines.create(away.draft(number)) for number in (1, 2)), return_exceptions=True
    )
    assert all(isinstance(each, NotSent) for each in told)


async def test_a_deadline_ends_the_wait_and_not_the_list(room: Room) -> None:
    """The machine is made all the same: the caller was told that it is not known."""
    room.admin.fault(kind="slow_after", delay=0.2, method="POST", path=MACHINES, times=1)
    with deadline.within(0.1), pytest.raises(Unsure):
        await room.machines.create(room.draft())
    assert len(await room.machines.find_claims([f"{room.word}-1"])) == 1


async def test_what_still_waits_when_its_time_is_up_is_not_sent(room: Room) -> None:
    """A list is under way; the next one goes without it."""
    room.admin.fault(kind="slow", delay=0.2, method="POST", path=MACHINES, times=1)
    first = asyncio.create_task(room.machines.create(room.draft()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with deadline.within(0.05), pytest.raises(NotSent):
        await room.machines.create(room.draft(2))
    await first
    assert room.admin.counts()[CREATE] == 1


async def test_a_constraint_that_one_member_breaks_is_its_own_fault(
    room: Room, reach: Reach, unique: str
) -> None:
    """NetBox forbids the whole list (4.3 without saying for whom); the others are made in halves of it."""
    token = limited(room.admin, unique, "add", {"name__startswith": "Vm-"})
    bound = Room(reach(room.admin.url, token), room.admin, room.cluster, room.word)
    drafts = [bound.draft(1), bound.draft(2), bound.draft(3, name="other"), bound.draft(4)]
    told = await asyncio.gather(*map(bound.machines.create, drafts), return_exceptions=True)
    assert [isinstance(each, Machine) for each in told] == [True, True, False, True]
    assert isinstance(told[2], PermissionRefused)


def limited(admin: Admin, name: str, action: str, constraints: Json) -> str:
    """The token of a user with one right on machines."""
    user = admin.make("users/users", username=name, password="Some-Password-1!")
    admin.make(
        "users/permissions",
        name=name,
        object_types=["virtualization.virtualmachine"],
        actions=[action],
        users=[user["id"]],
        constraints=constraints,
    )
    own = secrets.token_hex(20)
    made = admin.make("users/tokens", user=user["id"], key=own)
    return f"nbt_{made['key']}.{made['token']}" if "token" in made else own  # 4.7 makes its own


async def test_a_mac_address_that_cannot_be_made_leaves_the_interface_and_a_doubt(room: Room) -> None:
    """Before 4.7, where it takes calls of its own; a change sets it later. 4.7 needs no such calls."""
    (machine,) = await room.make()
    room.admin.fault(kind="error", status=502, method="POST", path=MACS, times=1)
    draft = nic(machine, mac_address=MAC)
    if room.netbox.line.series == (4, 7):
        assert (await room.machines.create_interface(draft)).mac_address == MAC
        return
    with pytest.raises(Unsure, match="without its MAC address"):
        await room.machines.create_interface(draft)
    (made,) = await room.machines.interfaces(machine.id)
    assert (made.key, made.mac_address) == (draft.key, None)
    assert (await room.machines.change_interface(made, InterfaceChanges(mac_address=MAC))).mac_address == MAC


async def test_a_mac_address_that_is_not_designated_is_not_made_twice(room: Room) -> None:
    """Before 4.7: the second attempt finds it on the interface."""
    (machine,) = await room.make()
    room.admin.fault(
        kind="error", status=502, method="PATCH", path="/api/virtualization/interfaces/", times=1
    )
    draft = nic(machine, mac_address=MAC)
    if room.netbox.line.series == (4, 7):
        return
    with pytest.raises(Unsure):
        await room.machines.create_interface(draft)
    (made,) = await room.machines.interfaces(machine.id)
    assert (await room.machines.change_interface(made, InterfaceChanges(mac_address=MAC))).mac_address == MAC
    assert room.macs(made) == [MAC]


async def test_a_former_mac_address_that_cannot_be_removed_stays_and_the_change_stands(room: Room) -> None:
    """It goes with the interface."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine], MAC)
    room.admin.fault(kind="error", status=502, method="DELETE", path=MACS)
    changed = await room.machines.change_interface(made, InterfaceChanges(mac_address="02:00:00:00:00:0B"))
    assert changed.mac_address == "02:00:00:00:00:0B"
    assert room.macs(made) == [MAC, "02:00:00:00:00:0B"]
    await room.machines.delete_interface(changed, "")
    assert room.admin.get(f"{room.admin.url}/api/dcim/mac-addresses/").json()["count"] == 0


async def test_a_change_that_cannot_be_read_afterwards_is_in_doubt(room: Room) -> None:
    """Without an ETag an object is read again; the change itself was made."""
    (machine,) = await room.make()
    (made,) = await room.equip([machine])
    room.admin.fault(kind="error", status=502, method="GET")
    with pytest.raises(Unsure, match="was changed and cannot be read"):
        await room.machines.change(machine, MachineChanges(status="active"))
    with pytest.raises(Unsure, match="was changed and cannot be read"):
        await room.machines.change_interface(made, InterfaceChanges(mtu=1500))
    room.admin.delete(f"{room.admin.url}/_emulator/faults")
    (read,) = await room.machines.read_many([machine.id])
    assert read.status == "active"


async def test_an_interface_cannot_carry_a_claim_that_is_not_defined_for_it(
    reach: Reach, unique: str
) -> None:
    """Nothing is made; `berth bootstrap` defines the fields for interfaces, too."""
    with running(create_app()) as url, Admin(url, SEED_TOKEN) as admin:
        for name in ("berth_key", "berth_owner"):
            types: list[Json] = ["ipam.ipaddress", "virtualization.virtualmachine"]
            admin.make("extras/custom-fields", name=name, type="text", object_types=types)
        room = room_in(reach(url), admin, unique)
        (machine,) = await room.make()
        with pytest.raises(Rejected) as refused:
            await room.machines.create_interface(
                InterfaceDraft(key=f"{unique}~1", owner="o", machine_id=machine.id, name="eth0")
            )
        assert set(refused.value.items[0].messages) == {
            "custom_fields.berth_key",
            "custom_fields.berth_owner",
        }
        assert await room.machines.interfaces(machine.id) == []
