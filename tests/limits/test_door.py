"""What Berth asks of a NetBox that throttles, is slow or is out; and what its callers hear of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx2
import pytest

from app.emulator.faults import Fault
from tests.whole import LAB, OPEN, NetBox, Whole, emulated, whole

pytestmark = pytest.mark.thorough

POST_PATH = "/api/ipam/prefixes/*/available-ips/"


@pytest.fixture
def netbox() -> Iterator[NetBox]:
    """A NetBox of the test's own."""
    with emulated() as netbox:
        yield netbox


async def test_a_short_retry_after_is_waited_for(netbox: NetBox, tmp_path: Path) -> None:
    """The caller hears nothing of it, and NetBox gets one call more."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("warm")
        netbox.fault(Fault("throttled", method="POST", times=1, retry_after=1))
        before, began = netbox.calls("POST"), time.monotonic()
        answer = await desk.post("patient")
        waited = time.monotonic() - began
    assert answer.status_code == 200, answer.text
    assert waited >= 1.0
    assert netbox.calls("POST") == before + 2
    assert desk.sample("berth_netbox_retries_total", reason="throttled") == 1


async def test_a_long_retry_after_becomes_our_own(netbox: NetBox, tmp_path: Path) -> None:
    """Nobody can wait that long; and until it is over nothing more is sent."""
    async with whole(netbox.url, tmp_path) as desk:
        netbox.fault(Fault("throttled", retry_after=120))
        first = await desk.post("early")
        asked = netbox.calls()
        others = await asyncio.gather(*(desk.post(f"later-{number}") for number in range(10)))
    for answer in (first, *others):
        assert (answer.status_code, answer.json()["code"]) == (503, "netbox_unavailable")
        assert 110 <= int(answer.headers["Retry-After"]) <= 120
    assert netbox.calls() == asked


async def test_a_retry_after_to_an_allocation_leaves_nothing_behind(netbox: NetBox, tmp_path: Path) -> None:
    """NetBox did nothing, so nothing is in doubt: the same request succeeds when it may."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("warm")
        netbox.fault(Fault("throttled", method="POST", path=POST_PATH, times=1, retry_after=60))
        refused = await desk.post("again")
        outcomes = [record["reason"] for record in await desk.records(event="outcome", key="again")]
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert outcomes == ["netbox_unavailable"]
    netbox.fault()
    async with whole(netbox.url, tmp_path) as desk:  # another process knows of no pause
        assert (await desk.post("again")).status_code == 200


async def test_load_that_cannot_be_served_in_time_is_refused_at_the_door(
    netbox: NetBox, tmp_path: Path
) -> None:
    """A slow NetBox, one address a call: whoever would wait in vain is told at once when to come back."""
    async with whole(
        netbox.url, tmp_path, request_seconds="3", netbox_call_seconds="2", batch_cap="1"
    ) as desk:
        await desk.post("warm")
        netbox.fault(Fault("hold", method="POST", delay=0.5))
        await asyncio.gather(*(desk.post(f"teach-{number}") for number in range(3)))
        sent = netbox.calls("POST")
        answers = await asyncio.gather(*(_timed(desk, f"load-{number}") for number in range(40)))
        sent = netbox.calls("POST") - sent
    served = [answer for answer, _ in answers if answer.status_code == 200]
    refused = [(answer, took) for answer, took in answers if answer.status_code != 200]
    at_the_door = [answer for answer, took in refused if took < 1.5]
    assert served
    assert len(at_the_door) >= 20
    for answer in at_the_door:
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert 2 <= int(answer.headers["Retry-After"]) <= 10
    assert sent <= len(served) + 4  # what was under way when its caller's time was up


async def _timed(desk: Whole, key: str) -> tuple[httpx2.Response, float]:
    began = time.monotonic()
    answer = await desk.post(key)
    return answer, time.monotonic() - began


async def test_a_request_has_one_deadline_for_all_its_calls(netbox: NetBox, tmp_path: Path) -> None:
    """The second slow call is not given the time that the first has used up, nor sent after it."""
    async with whole(netbox.url, tmp_path, request_seconds="1", netbox_call_seconds="0.9") as desk:
        await desk.post("slow")
        netbox.fault(Fault("slow", method="GET", delay=0.7))
        answer = await desk.client.put(
            "/api/v1/allocations/slow", json={"prefix": LAB, "description": "too late"}
        )
    assert answer.status_code == 503
    assert netbox.calls("PATCH") == 0


WIDE = "10.88.0.0/20"
MANY = 100_000
CALLERS, ROUNDS = 20, 3
AT_MOST = 1.2
"""Of the calls that the same load needs where nothing is wrong."""
PHASES: dict[str, tuple[Fault, ...]] = {
    "429, eight times": (Fault("throttled", times=8, retry_after=1),),
    "slow": (Fault("slow", delay=0.05, times=MANY),),
    "every tenth call fails": tuple(Fault("error", status=502, times=1, skip=9 * (n + 1)) for n in range(12)),
    "failing": (Fault("error", status=503, times=MANY),),
    "down": (Fault("down", times=MANY),),
    "answers are lost": (Fault("answer_lost", method="POST", times=3),),
}
CARELESS = {"netbox_retry_share": "1", "netbox_attempts": "5", "netbox_breaker_failures": "1000"}


def alone(netbox: NetBox, folder: Path, *, careless: bool = False) -> AbstractAsyncContextManager[Whole]:
    """A Berth of one address a call: how many fit into one list is luck, and hides what is counted here."""
    settings = {"batch_cap": "1", "netbox_breaker_seconds": "0.2", "reconcile_seconds": "3600"}
    return whole(netbox.url, folder, OPEN, audit=None, **settings, **(CARELESS if careless else {}))


async def test_netbox_gets_hardly_more_calls_than_are_needed(netbox: NetBox, tmp_path: Path) -> None:
    """Through 429, slowness, a brown-out and an outage, with twenty callers at once: at most 1.2 times.

    Needed is what the same load takes from a NetBox with which nothing is wrong.
    """
    async with alone(netbox, tmp_path) as desk:
        pool = await _wide(desk, netbox)
        needed = await _calls(desk, netbox, pool, "well")
        assert needed >= 2 * CALLERS * ROUNDS  # each allocation and each look is a call of its own
        for phase, faults in PHASES.items():
            await _calm(desk, netbox)
            set_to = [fault.times or 0 for fault in faults]
            netbox.fault(*faults)
            calls = await _calls(desk, netbox, pool, phase)
            struck = sum(set_to) - sum(fault.times or 0 for fault in faults)
            assert struck >= 3, f"{phase}: it has hardly happened"
            assert calls <= AT_MOST * needed, f"{phase}: {calls} calls instead of {needed}"


async def test_without_budget_and_breaker_it_gets_many_more(netbox: NetBox, tmp_path: Path) -> None:
    """So the figure above is one that can be missed."""
    async with alone(netbox, tmp_path, careless=True) as desk:
        pool = await _wide(desk, netbox)
        needed = await _calls(desk, netbox, pool, "well", rounds=1)
        netbox.fault(*PHASES["failing"])
        calls = await _calls(desk, netbox, pool, "failing", rounds=1)
    assert calls > AT_MOST * needed


async def _wide(desk: Whole, netbox: NetBox) -> str:
    """The path of a prefix with room for everybody, of which Berth knows already."""
    made = netbox.api("POST", "ipam/prefixes/", {"prefix": WIDE})
    assert (await desk.post("warm", prefix=WIDE)).status_code == 200
    return f"/api/v1/prefixes/{made['id']}/available-ips?limit=1"


async def _calm(desk: Whole, netbox: NetBox) -> None:
    """Wait until nothing is left of the last phase: neither a pause nor an open breaker."""
    netbox.fault()
    async with asyncio.timeout(30):
        while (await desk.client.get("/api/v1/sites")).status_code != 200:  # noqa: ASYNC110 - time does it
            await asyncio.sleep(0.05)


async def _calls(desk: Whole, netbox: NetBox, pool: str, phase: str, rounds: int = ROUNDS) -> int:
    """How many calls NetBox sees while each caller allocates and looks at what is free, again and again."""

    async def caller(name: str) -> None:
        for number in range(rounds):
            await desk.post(f"{name}-{number}", prefix=WIDE)
            await desk.client.get(pool)

    before = netbox.calls()
    mark = phase.replace(" ", "-").replace(",", "")
    await asyncio.gather(*(caller(f"{mark}-{number}") for number in range(CALLERS)))
    return netbox.calls() - before
