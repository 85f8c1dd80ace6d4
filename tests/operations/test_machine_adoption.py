"""A machine that was there before Berth, with its address: all under a key, and let go of."""

from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import AddressTaken, BerthError
from app.emulator.faults import Fault
from tests.operations.conftest import LAB, Desk, machine_wish

HOST = "192.168.4.77"
NIC: dict[str, Any] = {"name": "eth0", "addresses": [{"address": HOST, "description": "kept"}]}
WORDS: dict[str, Any] = {"name": "legacy", "cluster": "matrix", "adopt": True, "interfaces": [NIC]}


def legacy(desk: Desk) -> dict[str, Any]:
    """A machine with an interface and a primary address, as a person made it."""
    [cluster] = desk.api("GET", "virtualization/clusters/?name=matrix")["results"]
    machine = desk.api(
        "POST", "virtualization/virtual-machines/", {"name": "legacy", "cluster": cluster["id"]}
    )
    body = {"virtual_machine": machine["id"], "name": "eth0"}
    nic = desk.api("POST", "virtualization/interfaces/", body)
    on = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": nic["id"]}
    address = desk.api("POST", "ipam/ip-addresses/", {"address": f"{HOST}/24", **on})
    primary = {"primary_ip4": address["id"]}
    desk.api("PATCH", f"virtualization/virtual-machines/{machine['id']}/", primary)
    return {"machine": machine["id"], "nic": nic["id"], "address": address["id"]}


def claims(desk: Desk, there: dict[str, Any]) -> list[str | None]:
    """The claims of machine, interface and address."""
    paths = ("virtualization/virtual-machines", "virtualization/interfaces", "ipam/ip-addresses")
    rows = [desk.api("GET", f"{path}/{number}/") for path, number in zip(paths, there.values(), strict=True)]
    return [row["custom_fields"]["berth_key"] for row in rows]


async def test_the_address_that_a_machine_has_is_adopted_with_it(desk: Desk, operator: Caller) -> None:
    """It stays, stays primary, and is what was sent; a repeat gets the same."""
    there = legacy(desk)
    wish = machine_wish("web", **WORDS)
    tried = (await desk.operations.machines.converge(operator, wish, dry_run=True)).machine
    assert (tried.primary_ip4, claims(desk, there)) == (HOST, [None, None, None])
    shown = await desk.converge(operator, "web", **WORDS)
    assert (shown.netbox_id, shown.primary_ip4) == (str(there["machine"]), HOST)
    [address] = shown.interfaces[0].addresses
    assert (address.allocation.netbox_id, address.allocation.description) == (str(there["address"]), "kept")
    assert address.primary
    assert claims(desk, there) == ["web", "web~1", "web~1~v4~1"]
    again = {name: value for name, value in WORDS.items() if name != "adopt"}
    assert await desk.converge(operator, "web", **again) == shown
    await desk.quiet()


async def test_retiring_it_takes_the_keys_off_and_leaves_everything(desk: Desk, operator: Caller) -> None:
    """What Berth made on it goes."""
    there = legacy(desk)
    more = {**NIC, "addresses": [*NIC["addresses"], {"prefix": LAB}]}
    await desk.converge(operator, "web", **{**WORDS, "interfaces": [more]})
    await desk.operations.machines.retire(operator, "web")
    assert claims(desk, there) == [None, None, None]
    machine = desk.api("GET", f"virtualization/virtual-machines/{there['machine']}/")
    assert machine["primary_ip4"]["id"] == there["address"]
    assert await desk.netbox.addresses.find_claims(["web~1~v4~2"]) == []
    await desk.quiet()


async def test_an_adoption_that_fails_takes_the_keys_off_again(desk: Desk, operator: Caller) -> None:
    """Whatever it was that failed, after the address had its key."""
    there = legacy(desk)
    desk.fault(
        Fault(
            "error",
            method="PATCH",
            path="/api/virtualization/virtual-machines/*",
            status=400,
            skip=1,
            times=1,
        )
    )
    with pytest.raises(BerthError):
        await desk.converge(operator, "web", **{**WORDS, "vcpus": 2})
    desk.fault()
    await desk.quiet()
    assert claims(desk, there) == [None, None, None]


async def test_an_adoption_whose_answer_was_lost_goes_on(desk: Desk, operator: Caller) -> None:
    """By itself, to the whole machine."""
    there = legacy(desk)
    looks = "/api/ipam/ip-addresses/"
    desk.fault(
        Fault("answer_lost", method="PATCH", path="/api/ipam/ip-addresses/*", times=1),
        Fault("down", method="GET", path=looks, skip=8),
    )
    with pytest.raises(BerthError):
        await desk.converge(operator, "web", **WORDS)
    await desk.quiet()
    shown = await desk.machine(operator, "web")
    assert (shown.primary_ip4, claims(desk, there)) == (HOST, ["web", "web~1", "web~1~v4~1"])


async def test_an_address_elsewhere_is_not_taken_from_there(desk: Desk, operator: Caller) -> None:
    """Only what is on the named interface of the machine is adopted with it."""
    legacy(desk)
    desk.api("POST", "ipam/ip-addresses/", {"address": "192.168.4.78/24"})
    other = {"name": "eth0", "addresses": [{"address": "192.168.4.78"}]}
    with pytest.raises(AddressTaken):
        await desk.converge(operator, "web", **{**WORDS, "interfaces": [other]})
