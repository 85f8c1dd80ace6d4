"""assign_to: an address on an interface that exists, moved by PUT, released while it is only ours there."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.domain.commands import Caller, target_of
from app.domain.errors import InUse, NotFound, OutcomeUnknown, RefusedByNetBox, UnknownReference
from app.domain.inventory import Address, Changes
from app.emulator.faults import Fault
from tests.operations.conftest import LAB, Desk, Meddler, Opener, wish

FOXTROT = {"device": "foxtrot", "interface": "eth0"}
GOLF = {"device": "golf", "interface": "eth0"}


def machine(desk: Desk, name: str, cluster: str = "matrix", interface: str = "ens18") -> dict[str, int]:
    """A virtual machine with an interface; the ids of both."""
    found = desk.api("GET", f"virtualization/clusters/?name={cluster}")["results"]
    kind = {"slug": "proxmox"}
    place = (
        found[0] if found else desk.api("POST", "virtualization/clusters/", {"name": cluster, "type": kind})
    )
    made = desk.api("POST", "virtualization/virtual-machines/", {"name": name, "cluster": place["id"]})
    body = {"name": interface, "virtual_machine": made["id"]}
    return {"id": made["id"], "interface": desk.api("POST", "virtualization/interfaces/", body)["id"]}


def device_interface(desk: Desk, name: str) -> dict[str, Any]:
    """The interface eth0 of one of the demonstration's nodes."""
    found: dict[str, Any] = desk.api("GET", f"dcim/interfaces/?device={name}&name=eth0")["results"][0]
    return found


async def by_hand(desk: Desk, key: str, interface: int | None) -> None:
    """A human assigns the address to a device's interface, or to none."""
    kind = None if interface is None else "dcim.interface"
    body = {"assigned_object_type": kind, "assigned_object_id": interface}
    desk.api("PATCH", f"ipam/ip-addresses/{(await desk.claimed(key)).id}/", body)


async def primary(desk: Desk, key: str) -> None:
    """A human makes it the primary address of its device."""
    row = await desk.claimed(key)
    assert row.assigned is not None
    desk.api("PATCH", f"dcim/devices/{row.assigned.parent_id}/", {"primary_ip4": row.id})


# -- on creation -------------------------------------------------------------------------------------


async def test_an_address_is_bound_by_the_call_that_makes_it(desk: Desk, alice: Caller) -> None:
    """One POST; the answer shows where it is, and what was asked for."""
    made = await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    assert (made.assigned_to, made.assign_to) == (FOXTROT, FOXTROT)
    row = await desk.claimed("web")
    assert row.assigned is not None
    assert row.assigned.object_id == device_interface(desk, "foxtrot")["id"]
    assert desk.calls("PATCH") == 0
    assert await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT) == made
    assert await desk.get(alice, "web") == made


async def test_a_device_or_machine_is_named_by_name_or_id(desk: Desk, alice: Caller) -> None:
    """It comes back in the words that were sent."""
    vm, node = machine(desk, "vm"), device_interface(desk, "foxtrot")["device"]["id"]
    words: list[dict[str, Any]] = [
        {"virtual_machine": "vm", "interface": "ens18"},
        {"virtual_machine": vm["id"], "interface": "ens18"},
        {"device": str(node), "interface": "eth0"},
        {"device": "foxtrot", "virtual_machine": None, "interface": "eth0"},
    ]
    for number, sent in enumerate(words):
        assert (await desk.post(alice, f"k{number}", prefix=LAB, assign_to=sent)).assign_to == sent


async def test_a_dry_run_shows_the_interface_and_makes_nothing(desk: Desk, alice: Caller) -> None:
    """Of a new address and of one that moves."""
    dry = await desk.operations.allocate(alice, wish("web", prefix=LAB, assign_to=FOXTROT), dry_run=True)
    assert (dry.allocation.assigned_to, dry.allocation.assign_to) == (FOXTROT, FOXTROT)
    await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    writes = desk.calls("POST", "PATCH")
    for words in (GOLF, None):
        dry = await desk.operations.upsert(alice, wish("web", assign_to=words), dry_run=True)
        assert (dry.allocation.assigned_to, dry.allocation.assign_to) == (words, words)
    assert desk.calls("POST", "PATCH") == writes


@pytest.mark.parametrize(
    ("words", "pointer", "detail"),
    [
        ({"device": "foxtrott", "interface": "eth0"}, "/assign_to/device", "did you mean foxtrot?"),
        ({"device": "FOXTROT", "interface": "eth0"}, "/assign_to/device", "did you mean foxtrot?"),
        ({"device": 9999, "interface": "eth0"}, "/assign_to/device", "NetBox has no device 9999"),
        ({"device": "foxtrot", "interface": "Eth0"}, "/assign_to/interface", "did you mean eth0?"),
        (
            {"virtual_machine": "foxtrot", "interface": "eth0"},
            "/assign_to/virtual_machine",
            "no virtual machine",
        ),
    ],
    ids=str,
)
async def test_what_netbox_does_not_have_is_refused_with_what_is_near(
    desk: Desk, alice: Caller, words: dict[str, Any], pointer: str, detail: str
) -> None:
    """Together with everything else that is unknown, and nothing is made."""
    with pytest.raises(UnknownReference) as refusal:
        await desk.post(alice, "web", prefix=LAB, assign_to=words, tenant="platfrom")
    tenant, found = refusal.value.errors
    assert (tenant.pointer, found.pointer) == ("/tenant", pointer)
    assert detail in found.detail
    assert desk.calls("POST") == 0


async def test_of_machines_with_one_name_the_candidates_are_named(desk: Desk, alice: Caller) -> None:
    """With what tells them apart; an id, or an interface that only one of them has, is enough."""
    one, two = machine(desk, "vm"), machine(desk, "vm", "other")
    with pytest.raises(UnknownReference) as refusal:
        await desk.post(alice, "web", prefix=LAB, assign_to={"virtual_machine": "vm", "interface": "ens18"})
    details = [error.detail for error in refusal.value.errors]
    assert [text.partition(":")[0] for text in details] == [f"id {one['id']}", f"id {two['id']}"]
    assert "cluster other" in details[1]
    exact = {"virtual_machine": two["id"], "interface": "ens18"}
    assert (await desk.post(alice, "web", prefix=LAB, assign_to=exact)).assign_to == exact
    again = {"virtual_machine": "vm", "interface": "ens18"}
    assert (await desk.put(alice, "web", assign_to=again)).assign_to == again


async def test_an_interface_that_is_deleted_meanwhile_is_netbox_s_to_refuse(
    desk: Desk, alice: Caller
) -> None:
    """422, and the key is free again."""

    async def find(method: Callable[..., Awaitable[Any]], *args: object) -> Any:  # noqa: ANN401 - any answer
        found = await method(*args)
        desk.api("DELETE", f"dcim/interfaces/{found[0].object_id}/")
        return found

    desk.restart(inventory=Meddler(desk.netbox.inventory, interfaces=find))
    with pytest.raises(RefusedByNetBox) as refusal:
        await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    assert [error.pointer for error in refusal.value.errors] == ["/assigned_object_id"]
    assert await desk.entry("web") is None


# -- afterwards --------------------------------------------------------------------------------------


async def test_post_changes_nothing_and_shows_what_is_true(desk: Desk, alice: Caller) -> None:
    """Words that do not hold come back as null."""
    await desk.post(alice, "web", prefix=LAB)
    shown = await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    assert (shown.assigned_to, shown.assign_to) == (None, None)
    await by_hand(desk, "web", device_interface(desk, "golf")["id"])
    shown = await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    assert (shown.assigned_to, shown.assign_to) == (GOLF, None)
    assert (await desk.get(alice, "web")).assign_to is None


async def test_put_moves_an_address_and_keeps_it(desk: Desk, alice: Caller) -> None:
    """From nothing to a device, to a VM, and off; what is not sent is left alone; each move is one PATCH."""
    machine(desk, "vm")
    made = await desk.put(alice, "web", prefix=LAB)
    for words in (FOXTROT, {"virtual_machine": "vm", "interface": "ens18"}, GOLF, None):
        writes = desk.calls("POST", "PATCH")
        moved = await desk.put(alice, "web", assign_to=words)
        assert (moved.assigned_to, moved.assign_to, moved.netbox_id) == (words, words, made.netbox_id)
        assert await desk.put(alice, "web", assign_to=words) == moved == await desk.get(alice, "web")
        assert desk.calls("POST", "PATCH") == writes + 1
        assert (await desk.put(alice, "web", description=f"on {words}")).assigned_to == words
    assert (await desk.audit("web")).count("outcome upsert changed") == 8


async def test_a_primary_address_is_not_moved(desk: Desk, alice: Caller) -> None:
    """409 and what to do, also in a dry run; what leaves it where it is passes."""
    await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    await primary(desk, "web")
    for words in (GOLF, None):
        with pytest.raises(InUse, match="primary address of foxtrot"):
            await desk.put(alice, "web", assign_to=words, description="moved")
        with pytest.raises(InUse):
            await desk.operations.upsert(alice, wish("web", assign_to=words), dry_run=True)
    assert (await desk.put(alice, "web", assign_to=FOXTROT, description="kept")).description == "kept"


async def test_what_becomes_primary_before_it_is_moved_is_netbox_s_to_refuse(
    desk: Desk, alice: Caller
) -> None:
    """Its words, and everything as it was."""
    before = await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)

    async def change(method: Callable[..., Awaitable[Address]], *args: object) -> Address:
        await primary(desk, "web")
        return await method(*args)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=change))
    with pytest.raises(RefusedByNetBox, match="designated as the primary IP"):
        await desk.put(alice, "web", assign_to=GOLF)
    assert await desk.get(alice, "web") == before


# -- release -----------------------------------------------------------------------------------------


async def test_an_address_that_only_its_own_request_bound_is_released(desk: Desk, alice: Caller) -> None:
    """By POST, or moved by PUT."""
    await desk.post(alice, "a", prefix=LAB, assign_to=FOXTROT)
    await desk.put(alice, "b", prefix=LAB)
    await desk.put(alice, "b", assign_to=GOLF)
    await desk.put(alice, "b", assign_to=FOXTROT)
    for key in "ab":
        await desk.operations.release(alice, key)
        with pytest.raises(NotFound):
            await desk.get(alice, key)


async def test_an_address_that_somebody_else_put_elsewhere_is_not_released(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """Until it is back, or an operator forces it; so it is where somebody made it primary."""
    await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    await by_hand(desk, "web", device_interface(desk, "golf")["id"])
    with pytest.raises(InUse, match="eth0 of golf"):
        await desk.operations.release(alice, "web")
    await by_hand(desk, "web", device_interface(desk, "foxtrot")["id"])
    await primary(desk, "web")
    with pytest.raises(InUse, match="eth0 of foxtrot, as its primary address"):
        await desk.operations.release(alice, "web")
    await desk.operations.release(operator, "web", force=True)
    assert await desk.netbox.addresses.find_claims(["web"]) == []


async def test_what_was_taken_off_and_put_back_by_hand_is_somebody_else_s(desk: Desk, alice: Caller) -> None:
    """A PUT that names the interface makes it the allocation's own again."""
    await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    await desk.put(alice, "web", assign_to=None)
    await by_hand(desk, "web", device_interface(desk, "foxtrot")["id"])
    with pytest.raises(InUse):
        await desk.operations.release(alice, "web")
    writes = desk.calls("PATCH")
    await desk.put(alice, "web", assign_to=FOXTROT)
    assert (desk.calls("PATCH"), (await desk.audit("web"))[-1]) == (writes, "outcome upsert noted")
    await desk.operations.release(alice, "web")


async def test_what_the_ledger_lost_is_in_use_until_a_put_names_the_interface(
    desk: Desk, alice: Caller
) -> None:
    """Who put it there is not known any more, also not after it was found again by its claim."""
    await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    await desk.lose("web")
    with pytest.raises(InUse):
        await desk.operations.release(alice, "web")
    desk.clock.ahead += 300.0
    await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    await desk.edit("web", description="found")
    with pytest.raises(InUse):
        await desk.operations.release(alice, "web")
    await desk.put(alice, "web", assign_to=FOXTROT)
    await desk.operations.release(alice, "web")


async def test_a_hold_on_its_own_interface_ends(desk: Desk, alice: Caller) -> None:
    """One that somebody moved does not."""
    for key in "ab":
        await desk.post(alice, key, prefix=LAB, assign_to=FOXTROT, hold_seconds=60)
    await by_hand(desk, "b", device_interface(desk, "golf")["id"])
    desk.clock.ahead += 100.0
    assert (await desk.operations.reconcile()).expired == 1
    assert (await desk.audit("b"))[-1] == "outcome expire kept in_use"
    with pytest.raises(NotFound):
        await desk.get(alice, "a")


# -- doubts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "error"])
async def test_a_move_in_doubt_does_not_stand_in_the_way_of_a_release(
    desk: Desk, alice: Caller, fault: str
) -> None:
    """Whether NetBox carried it out or not: on both interfaces it is ours."""
    for key in "ab":
        await desk.post(alice, key, prefix=LAB, assign_to=FOXTROT)
        desk.fault(Fault(fault, method="PATCH"))
        with pytest.raises(OutcomeUnknown):
            await desk.put(alice, key, assign_to=GOLF)
        desk.fault()
    await desk.operations.release(alice, "a")
    await desk.quiet()
    entry = await desk.entry("b")
    assert entry is not None
    where = "golf" if fault == "answer_lost" else "foxtrot"
    assert entry.assigned == f"dcim.interface:{device_interface(desk, where)['id']}"
    await desk.operations.release(alice, "b")


async def test_an_answer_that_is_lost_loses_no_binding(desk: Desk, alice: Caller) -> None:
    """The address is found under its claim, and is released."""
    looks = "/api/ipam/ip-addresses/"
    desk.fault(Fault("answer_lost", method="POST", times=1), Fault("down", method="GET", path=looks, skip=1))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB, assign_to=FOXTROT)
    desk.fault()
    await desk.quiet()
    assert (await desk.get(alice, "web")).assign_to == FOXTROT
    await desk.operations.release(alice, "web")


@pytest.mark.parametrize("version", ["4.3", "4.7"])
async def test_an_edit_beside_a_move_stays(open_desk: Opener, alice: Caller, version: str) -> None:
    """If-Match where NetBox has it: read again, and moved then."""
    desk = await open_desk(version=version)
    await desk.put(alice, "web", prefix=LAB)
    edits = ["edited"]

    async def change(
        method: Callable[..., Awaitable[Address]], address: Address, changes: Changes
    ) -> Address:
        if edits:
            await desk.edit("web", description=edits.pop())
        return await method(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=change))
    moved = await desk.put(alice, "web", assign_to=FOXTROT)
    assert (moved.assigned_to, moved.description) == (FOXTROT, "edited")


@pytest.mark.parametrize(
    "words",
    [
        {"interface": "eth0"},
        {"device": "foxtrot"},
        {"device": "foxtrot", "virtual_machine": "vm", "interface": "eth0"},
    ],
    ids=str,
)
def test_words_that_name_no_interface_are_none(words: dict[str, Any]) -> None:
    """One parent, and a name."""
    with pytest.raises(ValueError, match="one device or virtual machine"):
        target_of(words)
