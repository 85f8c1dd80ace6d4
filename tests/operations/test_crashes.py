"""Killed at any point: a fresh process over the same ledger and NetBox finds out what became of it.

Every call that writes the ledger or asks NetBox is a point. An action is begun again and again, each time
killed one point later, until it survives. To be killed before a point is to be killed after the one before
it: what was sent is carried out, and nobody writes the outcome down.
"""

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import BerthError, NotFound, OutcomeUnknown
from app.emulator.faults import Fault
from tests.operations.conftest import LAB, Desk, Meddler
from tests.operations.test_adopt import human
from tests.operations.test_assign import FOXTROT, GOLF
from tests.operations.test_places import at

pytestmark = pytest.mark.thorough

ALICE = Caller(owner="alice")
OPERATOR = Caller(owner="ops", operator=True)
GATEWAY = ipaddress.ip_address("192.168.4.1")


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Life:
    """So many points are left."""

    left: int
    dead: bool = False

    def step(self) -> None:
        """Pass a point, or die there; the dead do nothing."""
        if self.dead or self.left == 0:
            self.dead = True
            raise Killed
        self.left -= 1


class Mortal:
    """A part of a process: each of its calls is a point."""

    def __init__(self, inner: object, life: Life, points: frozenset[str] | None = None) -> None:
        self.inner, self.life, self.points = inner, life, points

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method
        """The method, as long as the process lives."""
        method = getattr(self.inner, name)
        if not iscoroutinefunction(getattr(method, "func", method)):
            return method

        async def call(*args: object, **kwargs: object) -> object:
            if self.life.dead or self.points is None or name in self.points:
                self.life.step()
            return await method(*args, **kwargs)

        return call


@dataclass(frozen=True)
class Scenario:
    """What is there before, what is killed, and what must be true whenever it was killed."""

    fact: str
    before: Callable[[Desk, str], Awaitable[object]]
    action: Callable[[Desk, str], Awaitable[object]]
    after: Callable[[Desk, str], Awaitable[object]]
    allocator: Callable[[Desk], object] = lambda desk: desk.netbox.allocator


def handing_out_the_gateway(desk: Desk) -> object:
    """Somebody deletes the gateway's record right before NetBox allocates, once."""
    left = [True]

    async def allocate(method: Callable[..., Awaitable[object]], *args: object) -> object:
        if left and left.pop():
            await ungated(desk, "")
        return await method(*args)

    return Meddler(desk.netbox.allocator, allocate=allocate)


async def nothing(_desk: Desk, _key: str) -> None:
    """Nothing is there."""


async def made(desk: Desk, key: str) -> object:
    """An allocation."""
    return await desk.post(ALICE, key, prefix=LAB, description="old")


async def bound(desk: Desk, key: str) -> object:
    """An allocation on an interface."""
    return await desk.post(ALICE, key, prefix=LAB, assign_to=FOXTROT)


async def move(desk: Desk, key: str) -> object:
    """To another interface."""
    return await desk.put(ALICE, key, assign_to=GOLF)


async def by_hand(desk: Desk, key: str) -> None:
    """An address that somebody made beside Berth."""
    human(desk, f"192.168.4.{100 + int(key[1:])}/24", description="by hand")


async def adopt(desk: Desk, key: str) -> object:
    """By POST."""
    return await desk.post(OPERATOR, key, **at(f"192.168.4.{100 + int(key[1:])}"), adopt=True)


async def adopt_and_change(desk: Desk, key: str) -> object:
    """By PUT."""
    words = {"description": "new", "dns_name": f"{key}.example.com"}
    return await desk.put(OPERATOR, key, **at(f"192.168.4.{100 + int(key[1:])}"), adopt=True, **words)


async def adopted(desk: Desk, key: str) -> None:
    """An address that was put under a key."""
    await by_hand(desk, key)
    await adopt(desk, key)


async def let_go(desk: Desk, key: str) -> None:
    """Release what was adopted."""
    await desk.operations.release(OPERATOR, key)


async def held(desk: Desk, key: str) -> None:
    """A hold that is over."""
    await desk.post(ALICE, key, prefix=LAB, hold_seconds=60)
    desk.clock.ahead += 100.0


async def released(desk: Desk, key: str) -> None:
    """A key that had an address."""
    await made(desk, key)
    await desk.operations.release(ALICE, key)


async def lost(desk: Desk, key: str) -> None:
    """An allocation that the ledger has forgotten."""
    await made(desk, key)
    await desk.lose(key)


async def ungated(desk: Desk, _key: str) -> None:
    """A prefix whose gateway somebody deleted from NetBox."""
    for row in await desk.netbox.addresses.find_host(GATEWAY, None):
        await desk.netbox.addresses.delete(row, "")


async def doubtful(desk: Desk, key: str) -> None:
    """An allocation whose answer was lost, and whose claim could not be looked up."""
    looks = "/api/ipam/ip-addresses/"
    desk.fault(Fault("answer_lost", method="POST", times=1), Fault("down", method="GET", path=looks, skip=1))
    desk.restart()
    with pytest.raises(OutcomeUnknown):
        await made(desk, key)
    desk.fault()


async def late(desk: Desk, key: str) -> None:
    """An allocation that was given up and turned up in NetBox after all."""
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await made(desk, key)
    desk.fault()
    desk.clock.ahead += 200.0
    await desk.operations.reconcile()
    claim = {"custom_fields": {"berth_key": key, "berth_owner": "alice"}}
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={LAB}")["results"]
    desk.api("POST", f"ipam/prefixes/{prefix['id']}/available-ips/", claim)


async def change(desk: Desk, key: str) -> object:
    """Converge."""
    return await desk.put(ALICE, key, prefix=LAB, description="new", dns_name=f"{key}.example.com")


async def release(desk: Desk, key: str) -> None:
    """Release."""
    await desk.operations.release(ALICE, key)


async def reconcile(desk: Desk, _key: str) -> object:
    """A pass of the reconciler."""
    return await desk.operations.reconcile()


async def confirm(desk: Desk, key: str) -> object:
    """Confirm."""
    return await desk.operations.confirm(ALICE, key)


async def explicit(desk: Desk, key: str) -> object:
    """One address by name."""
    return await desk.post(ALICE, key, prefix=LAB, **at(f"192.168.4.{100 + int(key[1:])}"))


async def is_there(desk: Desk, key: str) -> None:
    """One object, the same for every request."""
    row = await desk.claimed(key)
    again = await desk.post(ALICE, key, prefix=LAB)
    assert again.netbox_id == str(row.id)
    assert row.address.ip != GATEWAY


async def is_changed(desk: Desk, key: str) -> None:
    """As it was sent, once it is sent again."""
    changed = await change(desk, key)
    await is_there(desk, key)
    assert (await desk.claimed(key)).description == "new"
    assert await desk.get(ALICE, key) == changed


async def is_bound(desk: Desk, key: str) -> None:
    """One object, on its interface, and not in the way of a release."""
    await is_there(desk, key)
    row = await desk.claimed(key)
    assert row.assigned is not None
    assert row.assigned.parent == "foxtrot"
    await desk.operations.release(ALICE, key)


async def is_on_one_of_both(desk: Desk, key: str) -> None:
    """Whichever it is on is its own."""
    await is_there(desk, key)
    row = await desk.claimed(key)
    assert row.assigned is not None
    entry = await desk.entry(key)
    assert entry is not None
    assert entry.assigned == str(row.assigned)
    await desk.operations.release(ALICE, key)


async def is_adopted_or_not(desk: Desk, key: str) -> None:
    """A claim has a row, no claim has none; adopted now, and let go, it is still there."""
    host = ipaddress.ip_address(f"192.168.4.{100 + int(key[1:])}")
    [row] = await desk.netbox.addresses.find_host(host, None)
    entry = await desk.entry(key)
    live = entry is not None and entry.live
    assert (row.key, live) in ((key, True), (None, False))
    again = await adopt_and_change(desk, key)
    assert (await desk.claimed(key)).id == row.id
    assert await desk.get(OPERATOR, key) == again
    await is_let_go(desk, key)


async def is_let_go(desk: Desk, key: str) -> None:
    """Without a key, and there."""
    await desk.operations.release(OPERATOR, key)
    host = ipaddress.ip_address(f"192.168.4.{100 + int(key[1:])}")
    [row] = await desk.netbox.addresses.find_host(host, None)
    assert (row.key, row.owner) == (None, None)
    with pytest.raises(NotFound):
        await desk.get(OPERATOR, key)


async def is_gone(desk: Desk, key: str) -> None:
    """No object, and no answer."""
    await desk.operations.release(ALICE, key)
    assert await desk.netbox.addresses.find_claims([key]) == []
    with pytest.raises(NotFound):
        await desk.get(ALICE, key)


async def is_swept(desk: Desk, key: str) -> None:
    """No object, without anybody asking."""
    assert await desk.netbox.addresses.find_claims([key]) == []
    with pytest.raises(NotFound):
        await desk.get(ALICE, key)


async def is_one_of_both(desk: Desk, key: str) -> None:
    """Confirmed in time, or over."""
    try:
        assert (await desk.get(ALICE, key)).state == "active"
    except NotFound:
        assert await desk.netbox.addresses.find_claims([key]) == []


SCENARIOS = [
    Scenario("allocate", nothing, made, is_there),
    Scenario("allocate by name", nothing, explicit, is_there),
    Scenario("allocate where the gateway is missing", ungated, made, is_there),
    Scenario("allocate and get the gateway", nothing, made, is_there, handing_out_the_gateway),
    Scenario("allocate again after a release", released, made, is_there),
    Scenario("allocate what is in doubt", doubtful, made, is_there),
    Scenario("allocate what was given up and turned up", late, made, is_there),
    Scenario("find what the ledger lost", lost, made, is_there),
    Scenario("create by PUT", nothing, change, is_changed),
    Scenario("change", made, change, is_changed),
    Scenario("find and change", lost, change, is_changed),
    Scenario("allocate onto an interface", nothing, bound, is_bound),
    Scenario("move to another interface", bound, move, is_on_one_of_both),
    Scenario("release", made, release, is_gone),
    Scenario("release from its interface", bound, release, is_gone),
    Scenario("release what the ledger lost", lost, release, is_gone),
    Scenario("adopt what has no claim", by_hand, adopt, is_adopted_or_not),
    Scenario("adopt what has no claim and change it", by_hand, adopt_and_change, is_adopted_or_not),
    Scenario("let go of what was adopted", adopted, let_go, is_let_go),
    Scenario("confirm", held, confirm, is_one_of_both),
    Scenario("end a hold", held, reconcile, is_swept),
    Scenario("settle", doubtful, reconcile, is_there),
    Scenario("free a late object", late, reconcile, is_swept),
]


async def killed_at(desk: Desk, scenario: Scenario, point: int) -> bool:
    """One life; whether it ended before the action did."""
    key = f"k{point}"
    desk.clock.ahead = 0.0  # NetBox's clock is the real one
    await scenario.before(desk, key)
    life = Life(point)
    netbox, store = desk.netbox, desk.database
    desk.restart(
        addresses=Mortal(netbox.addresses, life),
        allocator=Mortal(scenario.allocator(desk), life),
        store=Mortal(store, life, frozenset({"write"})),
    )
    acknowledged = None
    try:
        acknowledged = await scenario.action(desk, key)
    except (Killed, BerthError):
        assert life.dead
    there = {row.id for row in await netbox.addresses.find_claims([key]) if row.address.ip != GATEWAY}
    desk.restart(addresses=netbox.addresses, allocator=netbox.allocator, store=store)
    if scenario.action in (made, explicit, bound, adopt, adopt_and_change):
        again = await scenario.action(desk, key)
        assert acknowledged in (None, again)
        assert not there or there == {(await desk.claimed(key)).id}
    await desk.quiet()
    await scenario.after(desk, key)
    await desk.accounted()
    return life.dead


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.fact)
async def test_killed_at_any_point(desk: Desk, scenario: Scenario) -> None:
    """Nobody's address is given twice, one object a key, every intent an outcome (I1 to I6)."""
    point = 0
    while await killed_at(desk, scenario, point):
        point += 1
    assert point > 1
    rows = desk.api("GET", f"ipam/ip-addresses/?parent={LAB}&limit=1000")["results"]
    assert max(Counter(row["address"] for row in rows).values()) == 1
    keys = Counter(key for row in rows if (key := row["custom_fields"]["berth_key"]))
    assert not keys or max(keys.values()) == 1
