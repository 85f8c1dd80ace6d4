"""What Berth asks of a NetBox that throttles, is slow or is out; and what its callers hear of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.emulator.faults import Fault
from tests.whole import LAB, NetBox, Whole, emulated, whole

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


async def test_netbox_gets_hardly_more_calls_than_are_needed(netbox: NetBox, tmp_path: Path) -> None:
    """Through 429, slowness and an outage, with forty callers at once: at most 1.2 times.

    Needed is what the operations ask for, each question once, whether or not it is sent in the end.
    """
    phases = (
        Fault("throttled", times=8, retry_after=1),
        Fault("slow", delay=0.3, times=20),
        Fault("error", status=503, times=30),
        Fault("down", times=30),
        Fault("answer_lost", method="POST", times=3),
    )
    async with whole(netbox.url, tmp_path, netbox_breaker_seconds="0.5", reconcile_seconds="3600") as desk:
        await desk.post("warm")
        for number, fault in enumerate(phases):
            netbox.fault(fault)
            await _load(desk, number)
        netbox.fault()
        text = desk.berth.metrics.render()[0].decode()
    asked = sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("berth_netbox_calls_total{")
    )
    assert netbox.calls() <= 1.2 * asked
    assert desk.sample("berth_netbox_calls_total", endpoint="status/", method="GET", outcome="200") == 0


async def _load(desk: Whole, phase: int) -> None:
    """Forty callers, each of whom asks for one key of its own and reads another."""
    await asyncio.gather(
        *(desk.post(f"phase-{phase}-{number}") for number in range(20)),
        *(desk.client.get(f"/api/v1/allocations/phase-{phase}-{number}") for number in range(20)),
    )
