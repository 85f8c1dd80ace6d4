"""What goes wrong between Berth and NetBox, made to happen by the emulator's fault switches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.domain.inventory import Draft, Pool, Receipt
from app.domain.upstream import FaultKind, NotSent, PermissionRefused, Rejected, TokenRefused, Unsure
from app.emulator import SEED_TOKEN, create_app, running
from app.netbox import NetBox, NetBoxSettings, deadline
from app.netbox.breaker import State
from app.netbox.classify import Outage, Throttled
from app.netbox.wire import CallFinished
from tests.netbox_room.conftest import Admin, FixedToken

ALLOCATE = "POST /api/ipam/prefixes/{id}/available-ips/"
READ = "GET /api/ipam/ip-addresses/{id}/"
POOLS = "/api/ipam/prefixes/*/available-ips/"

Reach = Callable[..., NetBox]


async def pool_of(netbox: NetBox, admin: Admin) -> Pool:
    """A new prefix."""
    pool = await netbox.inventory.prefix(int(admin.make("ipam/prefixes", prefix=admin.network())["id"]))
    assert pool is not None
    return pool


def allocate(netbox: NetBox, pool: Pool, key: str) -> asyncio.Task[Receipt]:
    """Begin to allocate one address."""
    return asyncio.ensure_future(netbox.allocator.allocate(pool, [Draft(key=key, owner="o")]))


LOST = [
    {"kind": "answer_lost"},
    {"kind": "error_after", "status": 502},
    {"kind": "error_after", "status": 504},
]


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_is_an_unknown_outcome_and_the_claim_is_there(
    emulated: Admin, reach: Reach, unique: str, fault: dict[str, str | int]
) -> None:
    """It was committed; only the claim tells, and nothing was sent twice."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    emulated.fault(method="POST", path=POOLS, **fault)
    with pytest.raises(Unsure):
        await allocate(netbox, pool, unique)
    assert emulated.counts()[ALLOCATE] == 1
    assert [row.key for row in await netbox.allocator.find_claims([unique])] == [unique]


async def test_sending_again_with_the_same_claim_is_refused_by_netbox(
    emulated: Admin, reach: Reach, unique: str
) -> None:
    """That is what makes resending safe."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    emulated.fault(kind="answer_lost", method="POST", path=POOLS, times=1)
    with pytest.raises(Unsure):
        await allocate(netbox, pool, unique)
    with pytest.raises(Rejected) as refused:
        await allocate(netbox, pool, unique)
    assert refused.value.items[0].kind is FaultKind.CLAIM


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_error_of_the_server_or_its_proxy_is_an_unknown_outcome(
    emulated: Admin, reach: Reach, unique: str, status: int
) -> None:
    """503 too: a proxy says it after having passed the call on."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    emulated.fault(kind="error", status=status, method="POST", path=POOLS)
    with pytest.raises(Outage) as unknown:
        await allocate(netbox, pool, unique)
    assert unknown.value.server_error == (status == 500)
    assert emulated.counts()[ALLOCATE] == 1


async def test_reads_survive_a_hiccup(emulated: Admin, reach: Reach) -> None:
    """Once there is budget for it."""
    seen: list[CallFinished] = []
    netbox = reach(emulated.url, observe=seen.append)
    for _ in range(5):
        await netbox.facts.reply()
    emulated.fault(kind="down", times=1)
    await netbox.facts.reply()
    assert len(seen[-1].retried) == 1
    assert seen[-1].status_or_outcome == "200"


async def test_a_brown_out_costs_at_most_a_fifth_more_calls(emulated: Admin, reach: Reach) -> None:
    """Counted by the emulator, with the breaker out of the way."""
    netbox = reach(emulated.url, settings=NetBoxSettings(url="http://n", breaker_failures=10**6))
    emulated.fault(kind="error", status=502, method="GET", path="/api/ipam/ip-addresses/*")
    results = await asyncio.gather(*(netbox.addresses.read(1) for _ in range(100)), return_exceptions=True)
    assert all(isinstance(result, Outage) for result in results)
    assert emulated.counts()[READ] <= 120


async def test_an_outage_opens_the_breaker_and_netbox_is_spared(emulated: Admin, reach: Reach) -> None:
    """Of a hundred calls only the first few reach it."""
    netbox = reach(emulated.url)
    emulated.fault(kind="error", status=502)
    for _ in range(100):
        with pytest.raises((Outage, NotSent)):
            await netbox.addresses.read(1)
    assert netbox.line.breaker is State.OPEN
    assert emulated.counts()[READ] <= 10


async def test_a_throttled_write_was_not_done(emulated: Admin, reach: Reach, unique: str) -> None:
    """The wait that NetBox asks for is longer than the call has."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    emulated.fault(kind="throttled", retry_after=30, method="POST")
    with deadline.within(5), pytest.raises(Throttled) as told:
        await netbox.allocator.allocate(pool, [Draft(key=unique, owner="o")])
    assert told.value.retry_after == 30
    assert emulated.counts()[ALLOCATE] == 1


async def test_an_expired_token_is_replaced_without_the_caller_knowing(
    emulated: Admin, reach: Reach, unique: str
) -> None:
    """The allocation is made once, with the new token."""
    token = FixedToken(["f" * 40, SEED_TOKEN])
    netbox = reach(emulated.url, token)
    pool = await pool_of(netbox, emulated)
    assert token.refreshed == 1
    receipt = await allocate(netbox, pool, unique)
    assert receipt.addresses[0].key == unique


async def test_a_token_that_netbox_refuses_changes_nothing(emulated: Admin, reach: Reach) -> None:
    """It is said plainly, and the token is not in it."""
    with pytest.raises(TokenRefused) as refused:
        await reach(emulated.url, "f" * 40).facts()
    assert "f" * 40 not in str(refused.value)


async def test_calls_that_lock_go_one_at_a_time_and_reads_pass_by(
    emulated: Admin, reach: Reach, unique: str
) -> None:
    """NetBox's threads are not filled with waiting calls."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    emulated.fault(kind="hold", delay=0.02, method="POST")
    writes = [allocate(netbox, pool, f"{unique}-{n}") for n in range(5)]
    await netbox.facts.reply()
    assert not all(write.done() for write in writes)
    receipts = await asyncio.gather(*writes)
    assert len({receipt.addresses[0].address for receipt in receipts}) == 5
    peaks = emulated.get(f"{emulated.url}/_emulator/requests").json()["peaks"]
    assert peaks[ALLOCATE] == 1


async def test_a_netbox_that_speaks_german_is_understood(emulated: Admin, reach: Reach, unique: str) -> None:
    """Every call asks for English; a bare call in German shows what would have come."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    await allocate(netbox, pool, unique)
    german = emulated.post(
        f"{emulated.url}/api/ipam/prefixes/{pool.id}/available-ips/",
        json={"custom_fields": {"berth_key": unique}},
        headers={"Accept-Language": "de"},
    )
    assert "must have a unique value" not in german.text
    with pytest.raises(Rejected) as refused:
        await allocate(netbox, pool, unique)
    assert refused.value.items[0].kind is FaultKind.CLAIM


async def test_a_deadline_ends_the_wait_and_not_the_call(emulated: Admin, reach: Reach, unique: str) -> None:
    """The allocation is committed all the same: the caller was told that it is not known."""
    netbox = reach(emulated.url)
    pool = await pool_of(netbox, emulated)
    emulated.fault(kind="slow_after", delay=0.2, method="POST", path=POOLS, times=1)
    with deadline.within(0.1), pytest.raises(Unsure):
        await netbox.allocator.allocate(pool, [Draft(key=unique, owner="o")])
    with deadline.within(0.0), pytest.raises((Unsure, NotSent)):
        await netbox.addresses.read_many([1])
    assert len(await netbox.allocator.find_claims([unique])) == 1


async def test_a_missing_claim_field_is_no_reason_to_believe_everything(reach: Reach) -> None:
    """Without the field its filter is unknown, and NetBox answers with every address there is."""
    with running(create_app(seed=False)) as url, Admin(url, SEED_TOKEN) as admin:
        for number in range(1, 30):
            admin.make("ipam/ip-addresses", address=f"10.0.0.{number}/24")
        netbox = reach(url)
        with pytest.raises(Exception, match="ignored a filter"):
            await netbox.allocator.find_claims(["k"])
        with pytest.raises(Exception, match="ignored the filter"):
            await netbox.addresses.claimed_after(0, 10)


async def test_a_machine_that_the_token_may_not_see_is_not_taken_for_gone(
    emulated: Admin, reach: Reach, unique: str
) -> None:
    """Whether its address is primary cannot be known."""
    netbox = reach(emulated.url)
    kind = emulated.make("virtualization/cluster-types", name=unique, slug=unique)
    cluster = emulated.make("virtualization/clusters", name=unique, type=kind["id"])
    machine = emulated.make("virtualization/virtual-machines", name=unique, cluster=cluster["id"])
    card = emulated.make("virtualization/interfaces", name="eth0", virtual_machine=machine["id"])
    made = emulated.make(
        "ipam/ip-addresses",
        address="10.0.0.9/24",
        assigned_object_type="virtualization.vminterface",
        assigned_object_id=card["id"],
    )
    row = await netbox.addresses.read(int(made["id"]))
    assert row is not None
    emulated.delete(f"{emulated.url}/api/virtualization/virtual-machines/{machine['id']}/")
    with pytest.raises(PermissionRefused):
        await netbox.addresses.is_primary(row)
