"""Get or create, on the emulator."""

import asyncio

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    AddressIsGateway,
    AddressTaken,
    KeyConflict,
    NameRefused,
    NameTaken,
    NotOwner,
    PrefixClosed,
    PrefixNotFound,
    UnknownReference,
)
from app.domain.inventory import Changes
from tests.operations.conftest import Desk, wish

PREFIX = "192.168.4.0/24"


async def test_the_first_free_address_after_the_gateway_is_handed_out(desk: Desk, alice: Caller) -> None:
    """The policy's gateway is recorded before the first allocation, so it is not the first one."""
    made = await desk.post(alice, "web", prefix=PREFIX, dns_name="web.example.com")
    assert (made.address, made.ip, made.gateway) == ("192.168.4.2/24", "192.168.4.2", "192.168.4.1")
    assert (made.owner, made.key, made.state) == ("alice", "web", "active")


async def test_a_repeat_gives_the_same_answer(desk: Desk, alice: Caller) -> None:
    """One key, one allocation."""
    first = await desk.post(alice, "web", prefix=PREFIX, dns_name="Web.Example.com", tags=("terraform",))
    again = await desk.post(alice, "web", prefix=PREFIX, dns_name="Web.Example.com", tags=("terraform",))
    assert again == first
    assert first.dns_name == "Web.Example.com"
    assert first.tags == ("terraform",)


async def test_fifty_requests_with_one_key_make_one_allocation(desk: Desk, alice: Caller) -> None:
    """Whoever asks while it is being made waits for it."""
    made = await asyncio.gather(*(desk.post(alice, "web", prefix=PREFIX) for _ in range(50)))
    assert len({answer.ip for answer in made}) == 1
    assert len(await desk.netbox.addresses.find_claims(["web"])) == 1


async def test_fifty_keys_get_fifty_addresses(desk: Desk, alice: Caller) -> None:
    """Batched or not, nobody shares an address."""
    made = await asyncio.gather(*(desk.post(alice, f"web-{n}", prefix=PREFIX) for n in range(50)))
    assert len({answer.ip for answer in made}) == 50


async def test_the_key_is_drawn_from_the_name(desk: Desk, alice: Caller) -> None:
    """Lower case; inside a VRF and for IPv6 it says so."""
    plain = await desk.post(alice, prefix=PREFIX, dns_name="Web.example.com")
    six = await desk.post(alice, prefix="fd00:3::/64", dns_name="Web.example.com")
    inside = await desk.post(alice, prefix="10.99.0.0/24", dns_name="Web.example.com")
    vrf_id = (await desk.netbox.inventory.vrfs("management"))[0].id
    assert [plain.key, six.key, inside.key] == [
        "web.example.com",
        "web.example.com:v6",
        f"web.example.com@vrf{vrf_id}",
    ]


async def test_another_owner_cannot_have_the_key(desk: Desk, alice: Caller, bob: Caller) -> None:
    """Keys are one namespace for all owners."""
    await desk.post(alice, "web", prefix=PREFIX)
    with pytest.raises(NotOwner):
        await desk.post(bob, "web", prefix=PREFIX)


async def test_another_place_is_a_conflict(desk: Desk, alice: Caller) -> None:
    """A key does not move; the answer says what differs."""
    await desk.post(alice, "web", prefix=PREFIX)
    with pytest.raises(KeyConflict) as refusal:
        await desk.post(alice, "web", prefix="192.168.3.0/24")
    assert [error.pointer for error in refusal.value.errors] == ["/prefix"]


async def test_the_prefix_may_be_named_by_its_id_on_a_repeat(desk: Desk, alice: Caller) -> None:
    """What counts is the place, not the word for it."""
    await desk.post(alice, "web", prefix=PREFIX)
    pool = (await desk.netbox.inventory.prefixes_at(__import__("ipaddress").ip_network(PREFIX)))[0]
    again = await desk.post(alice, "web", prefix=pool.id)
    assert (again.ip, again.prefix) == ("192.168.4.2", pool.id)


async def test_a_lost_ledger_is_made_good_by_the_claims(desk: Desk, alice: Caller, bob: Caller) -> None:
    """The claim in NetBox is the truth: the same address again, and not for another owner."""
    first = await desk.post(alice, "web", prefix=PREFIX)
    await desk.database.write(lambda tx: tx.drop("web"))
    with pytest.raises(NotOwner):
        await desk.post(bob, "web", prefix=PREFIX)
    assert (await desk.post(alice, "web", prefix=PREFIX)).netbox_id == first.netbox_id


async def test_a_name_is_used_once(desk: Desk, alice: Caller) -> None:
    """Against the ledger, and against what NetBox holds without Berth."""
    await desk.post(alice, "web", prefix=PREFIX, dns_name="web.example.com")
    with pytest.raises(NameTaken):
        await desk.post(alice, "web2", prefix=PREFIX, dns_name="WEB.example.com")
    with pytest.raises(NameTaken):
        await desk.post(alice, "docker", prefix=PREFIX, dns_name="docker-01-nexus.spaceships.work")


async def test_a_bad_name_is_refused_and_leaves_nothing(desk: Desk, alice: Caller) -> None:
    """All violations at once, nothing in NetBox, a line in the audit log."""
    with pytest.raises(NameRefused) as refusal:
        await desk.post(alice, "web", prefix=PREFIX, dns_name="-a_b..example.com")
    assert len(refusal.value.errors) > 1
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    events = await desk.operations.ledger.events({"key": "web"}, 0, 10)
    assert [(line["event"], line["reason"]) for _, line in events] == [("denied", "name_refused")]  # type: ignore[index,call-overload]


async def test_a_container_is_closed(desk: Desk, alice: Caller) -> None:
    """NetBox would hand out its children's addresses."""
    with pytest.raises(PrefixClosed, match=r"allow: \[container\]"):
        await desk.post(alice, "web", prefix="192.168.0.0/16")


async def test_an_explicit_address_is_taken_or_refused(desk: Desk, alice: Caller) -> None:
    """Never replaced by another one."""
    import ipaddress  # noqa: PLC0415

    wanted = ipaddress.ip_interface("192.168.4.77/32")
    made = await desk.post(alice, "web", prefix=PREFIX, address=wanted)
    assert made.ip == "192.168.4.77"
    with pytest.raises(AddressTaken):
        await desk.post(alice, "web2", prefix=PREFIX, address=wanted)
    with pytest.raises(AddressIsGateway):
        await desk.post(alice, "web2", prefix=PREFIX, address=ipaddress.ip_interface("192.168.4.1/32"))


async def test_unknown_words_are_refused_with_near_matches(desk: Desk, alice: Caller) -> None:
    """Tags, tenants and VRFs are named."""
    with pytest.raises(UnknownReference) as refusal:
        await desk.post(alice, "web", prefix=PREFIX, tags=("terrafrom",), tenant="platfrom")
    assert [error.pointer for error in refusal.value.errors] == ["/tenant", "/tags/0"]
    assert "terraform" in refusal.value.errors[1].detail
    with pytest.raises(PrefixNotFound):
        await desk.post(alice, "web", prefix="10.1.2.0/24")


async def test_a_deleted_object_is_made_anew(desk: Desk, alice: Caller) -> None:
    """NetBox is the truth: what a human deleted is gone."""
    first = await desk.post(alice, "web", prefix=PREFIX)
    address = (await desk.netbox.addresses.find_claims(["web"]))[0]
    await desk.netbox.addresses.delete(address, "")
    again = await desk.post(alice, "web", prefix=PREFIX)
    assert again.netbox_id != first.netbox_id


async def test_the_gateway_is_not_handed_out_though_somebody_deleted_its_record(
    desk: Desk, alice: Caller
) -> None:
    """What NetBox hands out is given back, and the gateway is recorded again."""
    await desk.post(alice, "a", prefix=PREFIX)
    import ipaddress  # noqa: PLC0415

    gateway = (await desk.netbox.addresses.find_host(ipaddress.ip_address("192.168.4.1"), None))[0]
    await desk.netbox.addresses.delete(gateway, "")
    made = await desk.post(alice, "b", prefix=PREFIX)
    assert made.ip == "192.168.4.3"
    again = await desk.netbox.addresses.find_host(ipaddress.ip_address("192.168.4.1"), None)
    assert [(row.status, row.key) for row in again] == [("reserved", None)]


async def test_an_edit_in_netbox_shows(desk: Desk, alice: Caller) -> None:
    """As sent only while it is true."""
    await desk.post(alice, "web", prefix=PREFIX, description="mine")
    row = (await desk.netbox.addresses.find_claims(["web"]))[0]
    row = await desk.netbox.addresses.read(row.id) or row
    await desk.netbox.addresses.change(row, Changes(description="theirs"))
    assert (await desk.post(alice, "web", prefix=PREFIX, description="mine")).description == "theirs"


async def test_a_dry_run_writes_nothing(desk: Desk, alice: Caller) -> None:
    """All checks, the next free address, no promise."""
    result = await desk.operations.allocate(alice, wish("web", prefix=PREFIX, tags=("docker",)), dry_run=True)
    assert (result.allocation.ip, result.allocation.netbox_id) == ("192.168.4.2", None)
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    assert await desk.operations.ledger.find("web") is None
