"""A DNS name is used once in a VRF and family, by the ledger and by NetBox, and no stale entry keeps one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from app.domain.commands import Caller
from app.domain.errors import NameTaken, NetBoxUnavailable, OutcomeUnknown
from app.domain.inventory import Address, Changes
from app.domain.policy import Convention
from app.emulator.faults import Fault
from app.ledger.records import State
from tests.operations.conftest import INSIDE, LAB, POLICY, SIX, Desk, Meddler, wish

NAME = "web.example.com"


async def test_one_name_is_one_keys_in_its_vrf_and_family(desk: Desk, alice: Caller) -> None:
    """Elsewhere it is another name; under the same key it is no other."""
    for key, prefix in (("four", LAB), ("six", SIX), ("inside", INSIDE)):
        assert (await desk.post(alice, key, prefix=prefix, dns_name=NAME)).dns_name == NAME
    for dry_run in (True, False):
        with pytest.raises(NameTaken):
            await desk.operations.allocate(alice, wish("other", prefix=LAB, dns_name=NAME), dry_run=dry_run)
    await desk.operations.release(alice, "four")
    assert (await desk.post(alice, "other", prefix=LAB, dns_name=NAME)).dns_name == NAME


async def test_of_many_at_once_one_gets_the_name(desk: Desk, alice: Caller) -> None:
    """The ledger arbitrates what NetBox does not."""
    asked = (desk.post(alice, f"k{n}", prefix=LAB, dns_name=NAME) for n in range(8))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["Allocation"] + ["NameTaken"] * 7
    assert len(await desk.netbox.addresses.find_name(NAME, None)) == 1
    await desk.accounted()


async def test_a_name_in_doubt_is_taken(desk: Desk, alice: Caller) -> None:
    """Also in a dry run, though NetBox has never heard of it."""
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "doubt", prefix=LAB, dns_name=NAME)
    desk.fault()
    for dry_run in (True, False):
        with pytest.raises(NameTaken, match="held by another key"):
            await desk.operations.allocate(alice, wish("web", prefix=LAB, dns_name=NAME), dry_run=dry_run)
    await desk.quiet()
    assert (await desk.post(alice, "web", prefix=LAB, dns_name=NAME)).dns_name == NAME


@pytest.mark.parametrize("how", ["renamed", "deleted"])
async def test_a_name_that_netbox_gave_up_is_free(desk: Desk, alice: Caller, how: str) -> None:
    """A human renamed or deleted the object that the ledger still has under it."""
    await desk.post(alice, "old", prefix=LAB, dns_name=NAME)
    await (desk.edit("old", dns_name="www.example.com") if how == "renamed" else desk.erase("old"))
    assert (await desk.post(alice, "new", prefix=LAB, dns_name=NAME)).dns_name == NAME
    assert (await desk.audit("old"))[-1] == "outcome close stale"
    entry = await desk.entry("old")
    assert entry is not None
    assert entry.state is (State.DONE if how == "renamed" else State.RELEASED)
    await desk.accounted()


async def test_a_name_is_not_taken_for_stale_while_it_is_being_given(desk: Desk, alice: Caller) -> None:
    """An update that has written its intent and not yet asked NetBox is ahead of NetBox."""
    await desk.post(alice, "a", prefix=LAB)
    seen: list[type[object]] = []

    async def meanwhile(
        change: Callable[..., Awaitable[Address]], address: Address, changes: Changes
    ) -> Address:
        [other] = await asyncio.gather(
            desk.post(alice, "b", prefix=LAB, dns_name=NAME), return_exceptions=True
        )
        seen.append(type(other))
        return await change(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=meanwhile))
    assert (await desk.put(alice, "a", dns_name=NAME)).dns_name == NAME
    assert seen == [NameTaken]
    assert len(await desk.netbox.addresses.find_name(NAME, None)) == 1


async def test_whether_a_name_is_stale_must_be_known(desk: Desk, alice: Caller) -> None:
    """NetBox does not answer: nothing was begun."""
    await desk.post(alice, "old", prefix=LAB, dns_name=NAME)
    await desk.edit("old", dns_name="www.example.com")
    entry = await desk.entry("old")
    assert entry is not None
    desk.fault(Fault("down", path=f"/api/ipam/ip-addresses/{entry.netbox_id}/"))
    with pytest.raises(NetBoxUnavailable):
        await desk.post(alice, "new", prefix=LAB, dns_name=NAME)
    assert await desk.entry("new") is None


async def test_a_stale_entry_that_changes_meanwhile_is_looked_at_again(desk: Desk, alice: Caller) -> None:
    """Somebody else puts it right at the same moment; the request goes on."""
    await desk.post(alice, "old", prefix=LAB, dns_name=NAME)
    await desk.erase("old")
    entry = await desk.entry("old")
    assert entry is not None

    async def meanwhile(read: Callable[..., Awaitable[object]], *args: object) -> object:
        changed = replace(entry, name_claim=None)
        await desk.database.write(lambda tx: tx.put(changed))
        return await read(*args)

    desk.restart(addresses=Meddler(desk.netbox.addresses, read=meanwhile))
    assert (await desk.post(alice, "new", prefix=LAB, dns_name=NAME)).dns_name == NAME


async def test_names_repeat_where_the_policy_lets_them(desk: Desk, alice: Caller) -> None:
    """A convention that covers the name says so."""
    convention = Convention(name="round robin", unique=False)
    desk.policy.append(replace(POLICY, dns_names=(convention,)))
    for key in ("a", "b"):
        assert (await desk.post(alice, key, prefix=LAB, dns_name=NAME)).dns_name == NAME


async def test_a_key_whose_object_another_took_is_closed(desk: Desk, alice: Caller, bob: Caller) -> None:
    """NetBox shows the object under a new key: the entry that points to it is over, and so is its name."""
    made = await desk.post(alice, "old", prefix=LAB, dns_name=NAME)
    await desk.edit("old", claim=("new", "bob"))
    adopted = await desk.post(bob, "new", prefix=LAB)
    assert adopted.netbox_id == made.netbox_id
    assert (await desk.audit("old"))[-1] == "outcome close superseded"
    again = await desk.post(alice, "old", prefix=LAB)
    assert again.netbox_id != made.netbox_id
    await desk.accounted()


async def test_a_refusal_does_not_bring_back_what_went_to_another_key(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """The object was taken while the key was asking for a new one."""
    made = await desk.post(alice, "old", prefix=LAB)
    await desk.edit("old", claim=("new", "bob"))

    async def gone(_read: object, *_args: object) -> list[object]:
        return []

    async def nothing(_read: object, *_args: object) -> None:
        return None

    async def meanwhile(allocate: Callable[..., Awaitable[object]], *args: object) -> object:
        desk.restart(addresses=desk.netbox.addresses, allocator=desk.netbox.allocator)
        await desk.post(bob, "new", prefix=LAB)
        return await allocate(*args)

    desk.restart(
        addresses=Meddler(desk.netbox.addresses, read=nothing, read_many=gone),
        allocator=Meddler(desk.netbox.allocator, allocate=meanwhile),
    )
    with pytest.raises(Exception, match="sleepy"):
        await desk.post(alice, "old", prefix=LAB, status="sleepy")
    entry, other = await desk.entry("old"), await desk.entry("new")
    assert entry is not None
    assert other is not None
    assert (entry.state, entry.netbox_id) == (State.RELEASED, None)
    assert (other.state, other.netbox_id) == (State.DONE, int(made.netbox_id or 0))
