"""What a credential is narrowed to holds on top of its owner's rules, also for what exists already."""

import asyncio
import ipaddress
from dataclasses import replace

import pytest

from app.access.rules import begin
from app.domain.commands import Caller
from app.domain.errors import Forbidden, QuotaExhausted
from app.domain.rights import Action, Rule
from tests.operations.conftest import LAB, Desk, machine_wish, wish

EVERY = frozenset(Action)
SMALL = "192.168.5.0/29"


def narrowed(caller: Caller, action: Action, **to: object) -> Caller:
    """The caller with a key that is narrowed, about to do something."""
    narrowing = Rule(actions=EVERY, origin="key k1", **to)  # type: ignore[arg-type]
    return begin(replace(caller, narrowing=narrowing, credential="k1"), action)


async def test_a_key_gets_no_answer_about_what_lies_elsewhere(desk: Desk, alice: Caller) -> None:
    """Not as a repeat, by reading, by confirming, nor by releasing: an image may have been stolen."""
    made = await desk.post(alice, "far", prefix=LAB)
    here = (ipaddress.ip_network(SMALL),)
    verbs = desk.operations
    repeat = narrowed(alice, Action.ALLOCATE, networks=here)
    with pytest.raises(Forbidden, match=rf"narrowed to prefixes {SMALL}, and prefix {LAB} is not in it"):
        await verbs.allocate(repeat, wish("far", prefix=LAB))
    with pytest.raises(Forbidden):
        await verbs.upsert(narrowed(alice, Action.UPDATE, networks=here), wish("far", prefix=LAB))
    with pytest.raises(Forbidden):
        await verbs.read(narrowed(alice, Action.READ, networks=here), "far")
    with pytest.raises(Forbidden):
        await verbs.confirm(narrowed(alice, Action.UPDATE, networks=here), "far")
    with pytest.raises(Forbidden):
        await verbs.release(narrowed(alice, Action.RELEASE, networks=here), "far")
    assert (await desk.post(alice, "far", prefix=LAB)).address == made.address
    near = narrowed(alice, Action.ALLOCATE, networks=(ipaddress.ip_network(LAB),))
    again = await verbs.allocate(near, wish("far", prefix=LAB))
    assert (again.replayed, again.allocation.address) == (True, made.address)


async def test_a_key_gets_no_answer_about_another_machine(desk: Desk, alice: Caller) -> None:
    """A repeat of a registration under a name that the key may not have."""
    await desk.register(alice, "db", name="db", cluster="matrix")
    key = narrowed(alice, Action.REGISTER, tenants=("web",))
    with pytest.raises(Forbidden, match="narrowed to tenants web, and name db is not in it"):
        await desk.operations.machines.register(key, machine_wish("db", name="db", cluster="matrix"))
    await desk.operations.machines.retire(alice, "db")


async def test_a_keys_quota_holds_however_many_ask_at_once(desk: Desk, alice: Caller) -> None:
    """It counts what was made with the key, whatever its owner has besides."""
    await desk.post(alice, "besides", prefix=LAB)
    key = narrowed(alice, Action.ALLOCATE, quota=2)
    asked = [desk.operations.allocate(key, wish(f"k{n}", prefix=LAB)) for n in range(8)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    refused = [each for each in results if isinstance(each, BaseException)]
    assert {type(each) for each in refused} == {QuotaExhausted}
    assert len(refused) == 6
    await desk.post(alice, "more", prefix=LAB)


async def test_a_keys_quota_counts_the_addresses_of_machines(desk: Desk, alice: Caller) -> None:
    """A machine that would need more than is left is not made at all."""
    key = narrowed(alice, Action.REGISTER, quota=1)
    nic = {"name": "eth0", "addresses": [{"prefix": LAB}, {"prefix": SMALL}]}
    with pytest.raises(QuotaExhausted):
        await desk.operations.machines.register(
            key, machine_wish("vm", name="vm", cluster="matrix", interfaces=[nic])
        )
    assert desk.hanging("vm") == []
    one = {**nic, "addresses": [{"prefix": LAB}]}
    made = await desk.operations.machines.register(
        key, machine_wish("vm", name="vm", cluster="matrix", interfaces=[one])
    )
    assert made.created
    await desk.operations.machines.retire(alice, "vm")
