"""Register a virtual machine with its interfaces and primary address, in one request."""

from app.domain.commands import Caller
from tests.operations.conftest import LAB, SIX, Desk

NIC = {"name": "eth0", "addresses": [{"prefix": LAB, "dns_name": "web-01.example.com"}]}


async def test_a_machine_is_registered_whole(desk: Desk, alice: Caller) -> None:
    """Machine, interface, address, primary address, final status: one answer."""
    made = await desk.register(
        alice, "web-01", name="web-01", cluster="matrix", vcpus=2, memory_mb=2048, interfaces=[NIC]
    )
    assert (made.name, made.status, made.primary_ip4) == ("web-01", "active", "192.168.4.2")
    [interface] = made.interfaces
    [address] = interface.addresses
    assert address.primary
    assert address.allocation.key == "web-01~1~v4~1"
    assert address.allocation.part_of == "web-01"
    assert made.gateway4 == "192.168.4.1"
    assert made.dns_name == "web-01.example.com"
    await desk.quiet()


async def test_a_repeat_gets_the_same(desk: Desk, alice: Caller) -> None:
    """By POST, by PUT and by GET, and NetBox has one of each."""
    words = {"name": "web-01", "cluster": "matrix", "interfaces": [NIC]}
    made = await desk.register(alice, "web-01", **words)
    writes = desk.calls("POST", "PATCH", "DELETE")
    assert await desk.register(alice, "web-01", **words) == made
    assert await desk.converge(alice, "web-01", **words) == made
    assert await desk.machine(alice, "web-01") == made
    assert desk.calls("POST", "PATCH", "DELETE") == writes
    await desk.quiet()


async def test_a_lone_machine_takes_four_writes(desk: Desk, alice: Caller) -> None:
    """Machine, interface, address, and one for primary address and status: no more than NetBox needs."""
    await desk.post(alice, "warm", prefix=LAB)  # the gateway is recorded
    before = desk.calls("POST", "PATCH", "DELETE")
    await desk.register(alice, "web-01", name="web-01", cluster="matrix", interfaces=[NIC])
    assert desk.calls("POST", "PATCH", "DELETE") - before == 4


async def test_two_interfaces_and_both_families(desk: Desk, alice: Caller) -> None:
    """The first of each family is primary, unless another one is asked for."""
    made = await desk.register(
        alice,
        "web-01",
        name="web-01",
        cluster="matrix",
        interfaces=[
            {
                "name": "eth0",
                "mac_address": "52:54:00:12:34:56",
                "addresses": [{"prefix": LAB}, {"prefix": SIX}],
            },
            {"name": "eth1", "mtu": 9000, "addresses": [{"prefix": LAB, "primary": True}]},
        ],
    )
    first, second = made.interfaces
    assert made.primary_ip4 == second.addresses[0].allocation.ip
    assert made.primary_ip6 == first.addresses[1].allocation.ip
    assert first.mac_address == "52:54:00:12:34:56"
    assert second.mtu == 9000
    await desk.quiet()


async def test_a_retired_machine_leaves_nothing(desk: Desk, alice: Caller) -> None:
    """Its addresses and interfaces go with it; a repeat finds nothing to do."""
    await desk.register(alice, "web-01", name="web-01", cluster="matrix", interfaces=[NIC])
    before = desk.api("GET", "virtualization/virtual-machines/?name=web-01")["count"]
    await desk.operations.machines.retire(alice, "web-01")
    await desk.operations.machines.retire(alice, "web-01")
    assert before == 1
    assert desk.api("GET", "virtualization/virtual-machines/?name=web-01")["count"] == 0
    assert await desk.netbox.addresses.find_claims(["web-01~1~v4~1"]) == []
    await desk.quiet()
