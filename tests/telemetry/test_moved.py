"""Every metric is moved by the running program, not just by a test's hand."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import requests

from app.emulator.faults import Fault
from app.running import Usage, count_doubts, exposed
from app.telemetry.metrics import TABLE
from tests.audit.test_lines import Broken
from tests.end_to_end.program import free_port
from tests.faults.proxy import FaultProxy
from tests.whole import ALLOCATIONS, LAB, OPEN, NetBox, Whole, emulated, whole

LISTS = "ipam/prefixes/{id}/available-ips/"
Move = Callable[[Whole, NetBox], Awaitable[None]]


@pytest.fixture
def netbox() -> Iterator[NetBox]:
    """A NetBox of the test's own."""
    with emulated() as netbox:
        yield netbox


async def allocated(desk: Whole, _netbox: NetBox) -> None:
    """One allocation."""
    assert (await desk.post("web")).status_code == 200


async def registered(desk: Whole, _netbox: NetBox) -> None:
    """One virtual machine."""
    made = await desk.client.put("/api/v1/virtual-machines/vm", json={"name": "vm", "cluster": "matrix"})
    assert made.status_code == 201, made.text


async def stuck(desk: Whole, _netbox: NetBox) -> None:
    """One operation, as the reconciler would count it."""
    desk.berth.metrics.stuck(1)


async def throttled(desk: Whole, netbox: NetBox) -> None:
    """Five calls earn a retry, and one is needed."""
    await asyncio.gather(
        *(desk.post(f"web-{number}", dns_name=f"w{number}.example.com") for number in range(5))
    )
    netbox.fault(Fault("throttled", times=1, retry_after=1))
    await desk.post("last")


async def out(desk: Whole, netbox: NetBox) -> None:
    """NetBox is out, so the breaker opens and an allocation is in doubt."""
    await desk.post("before")
    netbox.fault(Fault("down"))
    for number in range(8):
        await desk.post(f"web-{number}")


async def queued(desk: Whole, netbox: NetBox) -> None:
    """Three wait while the first is held; the metrics are looked at meanwhile."""
    await desk.post("before")
    netbox.fault(Fault("hold", method="POST", delay=1.0, times=1))
    lists = netbox.calls("POST", "available-ips")
    tasks = [asyncio.create_task(desk.post("first"))]
    await _until(lambda: netbox.calls("POST", "available-ips") > lists)
    tasks += [asyncio.create_task(desk.post(f"web-{number}")) for number in range(3)]
    await _until(lambda: desk.sample("berth_queue_length", queue="batch") >= 1)
    desk.metrics["queued"] = desk.sample("berth_queue_length", queue="batch")
    desk.metrics["in flight"] = desk.sample("berth_works_in_flight")
    await asyncio.gather(*tasks)


async def counted(desk: Whole, _netbox: NetBox) -> None:
    """Somebody has allocated, and the background looks how full the prefix is."""
    await desk.post("web")
    await desk.post("web", prefix="10.99.0.0/24")
    await Usage(desk.berth.operations.ledger, desk.berth.netbox, desk.berth.metrics)()


async def at_rest(_desk: Whole, _netbox: NetBox) -> None:
    """Nothing."""


Look = Callable[[Whole], float]
MOVED: dict[str, tuple[Move, Look]] = {
    "berth_http_requests": (
        allocated,
        lambda d: d.sample(
            "berth_http_requests_total", route=ALLOCATIONS, method="POST", status="200", caller="team"
        ),
    ),
    "berth_http_request_seconds": (
        allocated,
        lambda d: d.sample("berth_http_request_seconds_count", route=ALLOCATIONS, method="POST"),
    ),
    "berth_works_in_flight": (queued, lambda d: d.metrics["in flight"]),
    "berth_allocations": (
        allocated,
        lambda d: d.sample("berth_allocations_total", prefix=LAB, outcome="created"),
    ),
    "berth_netbox_calls": (
        allocated,
        lambda d: d.sample("berth_netbox_calls_total", endpoint=LISTS, method="POST", outcome="201"),
    ),
    "berth_machines": (
        registered,
        lambda d: d.sample("berth_machines_total", outcome="created"),
    ),
    "berth_operations_stuck": (stuck, lambda d: d.sample("berth_operations_stuck")),
    "berth_netbox_call_seconds": (
        allocated,
        lambda d: d.sample("berth_netbox_call_seconds_count", endpoint=LISTS, method="POST"),
    ),
    "berth_netbox_retries": (
        throttled,
        lambda d: d.sample("berth_netbox_retries_total", reason="throttled"),
    ),
    "berth_netbox_breaker_state": (out, lambda d: d.sample("berth_netbox_breaker_state")),
    "berth_batch_addresses": (allocated, lambda d: d.sample("berth_batch_addresses_sum")),
    "berth_queue_length": (queued, lambda d: d.metrics["queued"]),
    "berth_queue_wait_seconds": (
        queued,
        lambda d: d.sample("berth_queue_wait_seconds_sum", queue="batch"),
    ),
    "berth_ledger_commit_seconds": (allocated, lambda d: d.sample("berth_ledger_commit_seconds_count")),
    "berth_prefix_free_addresses": (
        counted,
        lambda d: d.sample("berth_prefix_free_addresses", prefix=LAB),
    ),
    "berth_prefix_utilization_ratio": (
        counted,
        lambda d: d.sample("berth_prefix_utilization_ratio", prefix=LAB),
    ),
    "berth_build_info": (at_rest, lambda d: float(b"berth_build_info{" in d.berth.metrics.render()[0])),
}
"""By metric: what moves it, and where that shows. Those that are missing here have a test of their own."""


@pytest.mark.parametrize("name", MOVED)
async def test_the_program_moves_its_metrics(netbox: NetBox, tmp_path: Path, name: str) -> None:
    """By what happens in it."""
    move, look = MOVED[name]
    async with whole(netbox.url, tmp_path) as desk:
        await move(desk, netbox)
        assert look(desk) > 0
        netbox.fault()


async def test_what_a_gateway_allows_is_shown(netbox: NetBox, tmp_path: Path) -> None:
    """Its headers stand on whatever it passes back; without them there is no figure."""
    said = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "700", "X-RateLimit-Reset": "60"}
    with FaultProxy(netbox.url, said) as gateway:
        async with whole(gateway.url, tmp_path) as desk:
            assert math.isnan(desk.sample("berth_netbox_ratelimit_limit"))
            await desk.post("web")
            assert desk.sample("berth_netbox_ratelimit_limit") == 1000
            assert desk.sample("berth_netbox_ratelimit_remaining") == 700


async def test_each_sending_of_a_call_is_counted(netbox: NetBox, tmp_path: Path) -> None:
    """The 429 as well as what came of the repeat; NetBox has seen as many calls as the metrics say."""
    async with whole(netbox.url, tmp_path) as desk:
        before = netbox.calls()
        await throttled(desk, netbox)
        counted = {outcome: _calls(desk, outcome) for outcome in ("200", "201", "429")}
        assert counted["429"] == 1
        assert sum(counted.values()) == netbox.calls() - before
        assert _calls(desk) == _timed(desk)


async def test_what_is_not_sent_is_counted_and_not_timed(netbox: NetBox, tmp_path: Path) -> None:
    """An open breaker answers at once, which says nothing of NetBox's pace."""
    async with whole(netbox.url, tmp_path) as desk:
        await out(desk, netbox)
        assert _calls(desk, "breaker_open") > 0
        assert _calls(desk) == _timed(desk) + _calls(desk, "breaker_open")
        netbox.fault()


def _calls(desk: Whole, outcome: str = "") -> float:
    samples = desk.samples("berth_netbox_calls_total")
    return sum(value for labels, value in samples if outcome in ("", labels["outcome"]))


def _timed(desk: Whole) -> float:
    return sum(value for _, value in desk.samples("berth_netbox_call_seconds_count"))


async def test_a_queue_has_one_name_in_both_metrics(netbox: NetBox, tmp_path: Path) -> None:
    """So that length and wait can be shown side by side."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("web")
        lengths = {labels["queue"] for labels, _ in desk.samples("berth_queue_length")}
        waits = {labels["queue"] for labels, _ in desk.samples("berth_queue_wait_seconds_count")}
    assert lengths == {"batch", "netbox lock", "netbox write", "netbox read"}
    assert waits <= lengths
    assert {"batch", "netbox lock", "netbox read"} <= waits


def test_every_metric_is_moved_by_a_test() -> None:
    """Here or by a test of its own below; a new one is missed until it is."""
    shown = {"berth_netbox_ratelimit_limit", "berth_netbox_ratelimit_remaining"}
    own = shown | {"berth_audit_lines_dropped", "berth_reconciled", "berth_operations_in_doubt"}
    own |= {"berth_audit_flawed", "berth_audit_verified_timestamp_seconds"}  # tests/running/test_proving.py
    own |= {
        "berth_secret_read_failures",
        "berth_secret_read_age_seconds",
    }  # tests/credentials/test_sourcing.py
    own |= {"berth_secret_first_seen_timestamp_seconds"}  # as well
    assert {metric.name for metric in TABLE} == set(MOVED) | own


async def test_dropped_audit_lines_are_counted(netbox: NetBox, tmp_path: Path) -> None:
    """Nobody reads standard output any more."""
    async with whole(netbox.url, tmp_path, audit=Broken()) as desk:
        await desk.post("web")
    assert desk.sample("berth_audit_lines_dropped_total") == 2


async def test_what_is_in_doubt_and_what_the_reconciler_does_is_counted(
    netbox: NetBox, tmp_path: Path
) -> None:
    """A hold expires; an allocation whose answer was lost stays in doubt as long as NetBox says nothing."""
    soon = {"reconcile_seconds": "0.05", "usage_seconds": "0.05"}
    short = {"request_seconds": "1", "netbox_call_seconds": "0.9"}
    async with whole(netbox.url, tmp_path, OPEN, audit=None, **soon, **short) as desk:
        await desk.post("held", hold_seconds=1)
        await _until(lambda: desk.sample("berth_reconciled_total", result="expired") == 1)
        netbox.fault(Fault("answer_lost", method="POST"), Fault("error", status=503))
        await desk.post("doubtful")
        await _until(lambda: desk.sample("berth_operations_in_doubt") == 1)
        await _until(lambda: desk.sample("berth_reconciled_total", result="errors") > 0)
        netbox.fault()


async def test_what_is_just_under_way_is_not_in_doubt(netbox: NetBox, tmp_path: Path) -> None:
    """Somebody still waits for it; it is counted when nobody can any more."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("before")
        netbox.fault(Fault("hold", method="POST", delay=1.0, times=1))
        task = asyncio.create_task(desk.post("slow"))
        ledger, metrics = desk.berth.operations.ledger, desk.berth.metrics
        while not await ledger.read(lambda tx: tx.unfinished(1)):
            pass
        counted = []
        for patience in (20.0, 0.0):
            await count_doubts(ledger, metrics, patience)
            counted.append(desk.sample("berth_operations_in_doubt"))
        assert counted == [0, 1]
        assert (await task).status_code == 200


async def _until(holds: Callable[[], bool]) -> None:
    """Let the background work until something shows."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - as a scraper does
            await asyncio.sleep(0.02)


async def test_the_breaker_is_seen_to_half_open_by_time_alone(netbox: NetBox, tmp_path: Path) -> None:
    """Nobody calls; the scrape looks for itself."""
    async with whole(netbox.url, tmp_path, netbox_breaker_seconds="2") as desk:
        await out(desk, netbox)
        assert desk.sample("berth_netbox_breaker_state") == 2
        await _until(lambda: desk.sample("berth_netbox_breaker_state") == 1)
        netbox.fault()


async def test_a_prefix_is_counted_as_netbox_counts_it(netbox: NetBox, tmp_path: Path) -> None:
    """254 hosts, of which some are taken; in a VRF the name of the VRF is part of the label."""
    async with whole(netbox.url, tmp_path) as desk:
        await counted(desk, netbox)
        await desk.post("inside", prefix="10.99.0.0/24")
        await Usage(desk.berth.operations.ledger, desk.berth.netbox, desk.berth.metrics)()
        free = desk.sample("berth_prefix_free_addresses", prefix=LAB)
        ratio = desk.sample("berth_prefix_utilization_ratio", prefix=LAB)
        assert ratio == pytest.approx((254 - free) / 254)
        assert desk.sample("berth_prefix_free_addresses", prefix="10.99.0.0/24 in VRF management") > 0


async def test_allocations_and_gauges_call_a_prefix_alike(netbox: NetBox, tmp_path: Path) -> None:
    """Whatever the callers call it: by its id, with a VRF or without; also where it is refused."""
    space = "10.99.0.0/24 in VRF management"
    [pool] = netbox.api("GET", "ipam/prefixes/?prefix=10.99.0.0/24")["results"]
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("by-cidr", prefix="10.99.0.0/24", vrf="management")
        await desk.post("by-id", prefix=pool["id"])
        await desk.post("by-id", prefix=pool["id"])
        await desk.post("bad", prefix=pool["id"], dns_name="-bad")
        await desk.post("nowhere", prefix="203.0.113.0/24")
        await Usage(desk.berth.operations.ledger, desk.berth.netbox, desk.berth.metrics)()
        counted = {
            (labels["prefix"], labels["outcome"]): value
            for labels, value in desk.samples("berth_allocations_total")
        }
        gauges = {labels["prefix"] for labels, _ in desk.samples("berth_prefix_free_addresses")}
    assert counted == {
        (space, "created"): 2,
        (space, "replayed"): 1,
        (space, "name_refused"): 1,
        ("", "prefix_not_found"): 1,
    }
    assert gauges == {space}


async def test_a_prefix_that_is_gone_is_no_longer_shown(netbox: NetBox, tmp_path: Path) -> None:
    """Of one that NetBox does not tell of just now, the last figures stay."""
    netbox.api("POST", "ipam/prefixes/", {"prefix": "10.66.0.0/24"})
    async with whole(netbox.url, tmp_path, netbox_cache_seconds="0") as desk:
        await desk.post("lab")
        await desk.post("gone", prefix="10.66.0.0/24")
        usage = Usage(desk.berth.operations.ledger, desk.berth.netbox, desk.berth.metrics)
        await usage()
        netbox.fault(Fault("error", status=503))
        await usage()
        assert _shown(desk) == {LAB, "10.66.0.0/24"}
        netbox.fault()
        [pool] = netbox.api("GET", "ipam/prefixes/?prefix=10.66.0.0/24")["results"]
        netbox.api("DELETE", f"ipam/prefixes/{pool['id']}/")
        await usage()
        assert _shown(desk) == {LAB}
        await desk.client.delete(f"{ALLOCATIONS}/lab")
        await usage()
        assert _shown(desk) == set()


def _shown(desk: Whole) -> set[str]:
    names = ("berth_prefix_free_addresses", "berth_prefix_utilization_ratio")
    free, ratio = ({labels["prefix"] for labels, _ in desk.samples(name)} for name in names)
    assert free == ratio
    return free


async def test_metrics_have_a_port_of_their_own_if_one_is_set(netbox: NetBox, tmp_path: Path) -> None:
    """Without a login there as well, and no longer beside the API."""
    port = free_port()
    async with whole(netbox.url, tmp_path, metrics_port=str(port)) as desk:
        await desk.post("web")
        with exposed(desk.berth.metrics, "127.0.0.1", port):
            scraped = await asyncio.to_thread(requests.get, f"http://127.0.0.1:{port}/metrics", timeout=10)
        beside = await desk.client.get("/metrics")
    assert scraped.status_code == 200
    assert f'berth_allocations_total{{outcome="created",prefix="{LAB}"}} 1.0' in scraped.text
    assert beside.status_code == 404


async def test_metrics_need_no_login(netbox: NetBox, tmp_path: Path) -> None:
    """Prometheus has none."""
    async with whole(netbox.url, tmp_path) as desk:
        answer = await desk.client.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200


async def test_promtool_finds_nothing_wrong(netbox: NetBox, tmp_path: Path) -> None:
    """With every metric moved that an allocation, an outage and a count of the prefixes move."""
    promtool = shutil.which("promtool")
    if promtool is None and not os.environ.get("CI"):
        pytest.skip("needs promtool: apt-get install prometheus")
    assert promtool is not None
    async with whole(netbox.url, tmp_path) as desk:
        await counted(desk, netbox)
        await out(desk, netbox)
        text = desk.berth.metrics.render()[0]
        netbox.fault()
    done = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
