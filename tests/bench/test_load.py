"""The load: what it counts, and a short run of each kind against the embedded NetBox."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pynetbox
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.emulator import SEED_TOKEN, create_app, running
from tools.bench.load import Record, make
from tools.bench.netbox import Place
from tools.bench.processes import cpu_seconds
from tools.bench.spec import Outcome, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.emulator import Emulator

BASE: dict[str, Any] = {"netbox": "http://127.0.0.1:9", "netbox_token": SEED_TOKEN}


@pytest.fixture
def netbox() -> Iterator[tuple[Emulator, str]]:
    """An embedded NetBox with a prefix that has the number 1, and its URL."""
    app = create_app(seed=True)
    with running(app) as url:
        yield app, url
    app.close()


def test_specs_and_outcomes_go_through_a_pipe() -> None:
    """The load is a process of its own."""
    spec = Spec(arm="lists", sizes=[3, 4], count=2, **BASE)
    assert Spec.load(spec.dump()) == spec
    outcome = Outcome(began=1.0, ended=2.0, done=3, rate=3.0, latencies=[0.1], failures={"503": 1}, cpu=0.5)
    assert Outcome.load(outcome.dump()) == outcome


def test_only_what_ends_in_the_measured_time_counts() -> None:
    """But a call that was under way in it has a latency, however long it took."""
    record = Record(Spec(arm="berth", warm=1.0, seconds=2.0, **BASE), started=100.0, offset=0.0)
    record.calls = [
        (100.0, 100.5, 1),  # while it warms up
        (100.5, 101.5, 1),
        (102.0, 102.5, 1),
        (102.5, 109.0, 1),  # ends later
    ]
    outcome = record.outcome()
    assert (outcome.began, outcome.ended, outcome.done, outcome.rate) == (101.0, 103.0, 2, 1.0)
    assert outcome.latencies == [1.0, 0.5, 6.5]


def test_lists_are_timed_from_the_first_to_the_last() -> None:
    """They follow each other without a gap, so no part of one is lost at the edges."""
    record = Record(Spec(arm="lists", warm=0.0, seconds=10.0, **BASE), started=100.0, offset=0.0)
    record.calls = [(100.0, 101.0, 30), (101.0, 102.5, 20)]
    assert record.outcome().rate == pytest.approx(20.0)


@pytest.mark.parametrize("arm", ["direct", "lists", "read", "status"])
def test_a_load_is_answered(netbox: tuple[Emulator, str], arm: str) -> None:
    """Each way works, and nothing fails."""
    _, url = netbox
    spec = Spec(arm=arm, clients=2, seconds=9.0, warm=0.0, count=3, sizes=[2, 3], **BASE)
    outcome = make(replace(spec, netbox=url, prefix_id=1, run="test", named=False))
    assert outcome.failures == {}
    assert len(outcome.latencies) == 6
    assert outcome.rate > 0


def test_a_script_registers_machines(netbox: tuple[Emulator, str]) -> None:
    """Each with its primary address, whatever the number of threads."""
    _, url = netbox
    api = pynetbox.api(url, token=SEED_TOKEN)
    kind = api.virtualization.cluster_types.create(name="Bench", slug="bench")
    cluster = api.virtualization.clusters.create(name="bench", type=kind.id)
    spec = Spec(arm="vm-script", clients=3, count=7, cluster=cluster.id, prefix_id=1, run="test", **BASE)
    outcome = make(replace(spec, netbox=url))
    assert (outcome.done, outcome.failures, len(outcome.latencies)) == (7, {}, 7)
    machines = list(api.virtualization.virtual_machines.filter(cluster_id=cluster.id))
    assert {each.name for each in machines} == {f"test-0-{number}" for number in range(7)}
    assert all(each.primary_ip4 for each in machines)


@pytest.fixture
def berth() -> Iterator[tuple[list[Any], str]]:
    """What answers as Berth does for machines: the third one has no address."""
    asked: list[Any] = []

    async def app(request: Request) -> JSONResponse:
        body = await request.json()
        asked.append(body)
        items = [{"status": 200, "virtual_machine": shown(each)} for each in body.get("items", [])]
        return JSONResponse({"items": items} if items else shown(body), 200 if items else 201)

    def shown(wish: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        return {"key": wish["key"], "primary_ip4": None if wish["name"].endswith("-2") else "10.0.0.1"}

    route = Route("/api/v1/virtual-machines/{name}", app, methods=["PUT", "POST"])
    with running(Starlette(routes=[route])) as url:  # type: ignore[arg-type]
        yield asked, url


@pytest.mark.parametrize(("arm", "requests"), [("vm-batch", 1), ("vm-single", 4), ("vm-lone", 4)])
def test_machines_are_registered_through_berth(berth: tuple[list[Any], str], arm: str, requests: int) -> None:
    """In one request or one each; what has no primary address does not count."""
    asked, url = berth
    outcome = make(Spec(arm=arm, count=4, cluster=3, berth=url, prefix="10.0.0.0/16", run="test", **BASE))
    assert (outcome.done, outcome.failures) == (3, {"no primary address": 1})
    assert len(asked) == requests
    wishes = asked[0]["items"] if arm == "vm-batch" else asked
    assert sorted(wishes, key=lambda each: str(each["key"]))[1] == {
        "key": "test-0-1",
        "name": "test-0-1",
        "cluster": 3,
        "interfaces": [
            {"name": "eth0", "addresses": [{"prefix": "10.0.0.0/16", "dns_name": "test-0-1.bench.test"}]}
        ],
    }


@pytest.mark.parametrize("arm", ["vm-batch", "vm-single"])
def test_machines_that_nobody_registers_are_failures(arm: str) -> None:
    """A bench that finds nobody says so."""
    outcome = make(Spec(arm=arm, count=2, berth="http://127.0.0.1:9", run="test", **BASE))
    assert outcome.done == 0
    assert sum(outcome.failures.values()) >= 1


def test_a_process_that_has_ended_computes_nothing() -> None:
    """A worker of the database may end while its family is counted."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pid = ended.pid
    assert cpu_seconds(pid) == 0.0
    assert cpu_seconds(os.getpid()) > 0.0


def test_a_place_is_a_network_of_16_bits() -> None:
    """Room for thirty thousand addresses and what is allocated besides."""
    assert Place("x", "10.201.0.0", 5).prefix == "10.201.0.0/16"
