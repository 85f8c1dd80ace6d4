"""One line a request, with all there is to know, and no token in it or in anything else that is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.api.export import document
from app.emulator import SEED_TOKEN
from app.emulator.faults import Fault
from app.telemetry.events import event_line, spend, stage, timer
from tests.docs.pages import DOCS
from tests.end_to_end.program import Desk, berth
from tests.whole import ALLOCATIONS, LAB, TOKEN, NetBox, Whole, emulated, whole

LOGS = (DOCS / "reference" / "logs.md").read_text()


@pytest.fixture
def netbox() -> Iterator[NetBox]:
    """A NetBox of the test's own."""
    with emulated() as netbox:
        yield netbox


def line_of(desk: Whole, request_id: str) -> dict[str, Any]:
    """The only line of a request."""
    [line] = [line for line in desk.lines() if line.get("request_id") == request_id]
    return line


async def test_a_line_says_all_there_is_to_know(netbox: NetBox, tmp_path: Path) -> None:
    """Who, what, what became of it, under which id in NetBox, and where the time went."""
    async with whole(netbox.url, tmp_path) as desk:
        answer = await desk.post("web")
        line = line_of(desk, answer.headers["X-Request-ID"])
        [record] = await desk.records(event="outcome")
    told = {name: line[name] for name in ("event", "owner", "route", "status", "key", "outcome", "address")}
    assert told == {
        "event": "request",
        "owner": "team",
        "route": ALLOCATIONS,
        "status": 200,
        "key": "web",
        "outcome": "created",
        "address": answer.json()["address"],
    }
    assert line["netbox_request_ids"] == [record["netbox_request_id"]]
    assert set(line["milliseconds"]) == {"plan", "ledger_t1", "queue", "netbox", "ledger_t2"}
    assert 0 < line["milliseconds"]["netbox"] <= 1000 * line["seconds"] + 1


async def test_a_dry_run_says_so(netbox: NetBox, tmp_path: Path) -> None:
    """Its outcome is nothing but that; a refusal has its code, and is one of a dry run."""
    async with whole(netbox.url, tmp_path) as desk:
        well = await desk.post("web", "?dry_run=true")
        bad = await desk.post("web", "?dry_run=true", dns_name="-bad")
        lines = [line_of(desk, answer.headers["X-Request-ID"]) for answer in (well, bad)]
    assert [(line["outcome"], line["dry_run"]) for line in lines] == [
        ("dry_run", True),
        ("name_refused", True),
    ]
    assert desk.samples("berth_allocations_total") == []


async def test_the_line_of_a_batch_counts_its_items(netbox: NetBox, tmp_path: Path) -> None:
    """What belongs to one item stays out of it, but for NetBox's request ids."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("old")
        items = [{"key": key, "prefix": LAB} for key in ("old", "new", "newer")]
        bad = [{"key": "bad", "prefix": LAB, "dns_name": "-bad"}, {"colour": "red"}]
        answer = await desk.client.post(f"{ALLOCATIONS}/batch", json={"items": items + bad})
        line = line_of(desk, answer.headers["X-Request-ID"])
    assert (line["outcome"], line["items"], line["refused"]) == ("answered", 5, 2)
    assert line["outcomes"] == {"replayed": 1, "created": 2, "name_refused": 1, "invalid_request": 1}
    assert {"key", "address", "prefix"}.isdisjoint(line)
    assert 1 <= len(line["netbox_request_ids"]) <= 2  # the first may go alone, with the others after it
    assert {"plan", "ledger_t1", "netbox", "ledger_t2"} <= set(line["milliseconds"])


ROUTES = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
}
ASKED: dict[str, dict[str, Any]] = {
    "allocate": {"json": {"key": "new", "prefix": LAB}},
    "allocateBatch": {"json": {"items": [{"key": "new", "prefix": LAB}]}},
    "upsertAllocation": {"json": {"prefix": LAB, "description": "changed"}},
    "checkName": {"json": {"dns_name": "web"}},
    "registerMachine": {"json": {"name": "new", "cluster": "matrix"}},
    "registerMachineBatch": {"json": {"items": [{"name": "new", "cluster": "matrix"}]}},
    "convergeMachine": {"json": {"name": "new", "cluster": "matrix"}},
    "createKey": {"json": {"client": "ci"}},
    "createEnrolment": {"json": {"prefix": LAB, "dns_name": "new.example.com"}},
}
"""Bodies; the other routes are asked with none."""
MACHINES = {"readMachine", "retireMachine", "listOperations", "retryOperation", "abandonOperation"}
"""These ask about a machine that is there."""
COMES_TO = {
    "allocate": "created",
    "allocateBatch": "answered",
    "upsertAllocation": "changed",
    "confirmAllocation": "confirmed",
    "readAllocation": "found",
    "releaseAllocation": "released",
    "readPrefix": "found",
    "previewAddresses": "listed",
    "checkName": "valid",
    "registerMachine": "created",
    "registerMachineBatch": "answered",
    "convergeMachine": "created",
    "readMachine": "found",
    "retireMachine": "retired",
    "retryOperation": "finished",
    "abandonOperation": "abandoned",
    "createKey": "created",
    "revokeKey": "revoked",
    "createEnrolment": "issued",
    "health": "ok",
    "readiness": "ok",
    "metrics": "ok",
}
"""What is not here lists something."""


@pytest.mark.parametrize("operation", ROUTES)
async def test_every_route_says_what_a_request_came_to(
    netbox: NetBox, tmp_path: Path, operation: str
) -> None:
    """In a word that the documentation of the logs knows, under the route's template."""
    method, path = ROUTES[operation]
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("held", hold_seconds=600)
        if operation in MACHINES:
            await desk.client.put("/api/v1/virtual-machines/held", json={"name": "held", "cluster": "matrix"})
        if "Operation" in operation:
            await desk.get_stuck("held")
        [lab] = netbox.api("GET", f"ipam/prefixes/?prefix={LAB}")["results"]
        made = await desk.client.post("/api/v1/keys", json={"client": "ci"})
        id_ = made.json()["id"] if operation == "revokeKey" else "0"
        url = path.format(key="held", id=id_, prefix_id=lab["id"])
        answer = await desk.client.request(method, url, **ASKED.get(operation, {}))
        line = line_of(desk, answer.headers["X-Request-ID"])
    assert (line["status"], line["route"]) == (answer.status_code, path), answer.text
    assert answer.status_code < 300
    assert line["outcome"] == COMES_TO.get(operation, "listed")
    assert f"`{line['outcome']}`" in LOGS
    if operation in ("confirmAllocation", "readAllocation", "upsertAllocation"):
        assert (line["key"], line["address"], line["prefix"]) == ("held", answer.json()["address"], LAB)


async def test_a_release_of_nothing_says_so(netbox: NetBox, tmp_path: Path) -> None:
    """It is no release."""
    async with whole(netbox.url, tmp_path) as desk:
        answer = await desk.client.delete(f"{ALLOCATIONS}/nothing")
        line = line_of(desk, answer.headers["X-Request-ID"])
    assert (line["status"], line["outcome"], line["key"]) == (204, "absent", "nothing")


async def test_every_field_of_a_line_is_documented(netbox: NetBox, tmp_path: Path) -> None:
    """Of any request here: an allocation, a batch, a dry run, a refusal."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("web")
        await desk.post("web", "?dry_run=true", dns_name="-bad")
        await desk.client.post(f"{ALLOCATIONS}/batch", json={"items": [{"prefix": LAB}]})
        fields = {name for line in desk.lines() if line["event"] == "request" for name in line}
    assert {name for name in fields if f"`{name}`" not in LOGS} == set()


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", f"{ALLOCATIONS}/web-01", f"{ALLOCATIONS}/{{key}}"),
        ("POST", f"{ALLOCATIONS}/batch", f"{ALLOCATIONS}/batch"),
        ("PATCH", f"{ALLOCATIONS}/web-01", f"{ALLOCATIONS}/{{key}}"),
        ("GET", "/api/v1/nowhere", "unmatched"),
    ],
)
async def test_a_stranger_is_counted_under_the_route_that_was_asked_for(
    netbox: NetBox, tmp_path: Path, method: str, path: str, route: str
) -> None:
    """Refused before it got there; only what leads nowhere is unmatched."""
    async with whole(netbox.url, tmp_path) as desk:
        answer = await desk.client.request(method, path, headers={"Authorization": "Bearer wrong"})
        line = line_of(desk, answer.headers["X-Request-ID"])
    assert (line["status"], line["route"], line["outcome"]) == (401, route, "unauthenticated")
    labels = {"route": route, "method": method, "status": "401", "caller": ""}
    assert desk.sample("berth_http_requests_total", **labels) == 1


async def test_the_stages_tell_where_the_time_went(netbox: NetBox, tmp_path: Path) -> None:
    """A slow NetBox shows as NetBox's time."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("warm")
        netbox.fault(Fault("hold", method="POST", delay=0.3))
        answer = await desk.post("slow")
        spent = line_of(desk, answer.headers["X-Request-ID"])["milliseconds"]
    assert spent["netbox"] >= 300
    assert spent["ledger_t1"] + spent["ledger_t2"] < 300


async def test_a_refusal_has_a_line_too(netbox: NetBox, tmp_path: Path) -> None:
    """With its code as the outcome."""
    async with whole(netbox.url, tmp_path) as desk:
        answer = await desk.post("web", dns_name="-bad")
        line = line_of(desk, answer.headers["X-Request-ID"])
    assert (line["status"], line["outcome"], line["key"]) == (422, "name_refused", "web")


def test_time_is_counted_for_a_request_only() -> None:
    """By stage, also from where others work for it; outside of any nothing happens."""
    spend("plan", 1.0)
    ticks = iter((1.0, 3.0))
    with event_line() as line:
        with stage("plan", lambda: next(ticks)):
            pass
        elsewhere = timer()
    elsewhere("plan", 0.5)
    elsewhere("netbox", 0.25)
    assert line.seconds == {"plan": 2.5, "netbox": 0.25}


def test_no_token_is_in_anything_that_a_run_writes(netbox: NetBox, tmp_path: Path) -> None:
    """Neither Berth's, nor NetBox's, nor one that a stranger sends or somebody types into a field."""
    wrong = "a-wrong-token-that-somebody-sent-0123456789"
    program = berth(tmp_path, netbox.url, SEED_TOKEN, token=TOKEN, log_level="debug")
    program.start()
    try:
        desk, stranger = Desk(program.url, TOKEN), Desk(program.url, wrong)
        desk.made({"key": "web", "prefix": LAB})
        assert stranger.get("web").status_code == 401
        assert desk.get("web", f"?token={wrong}").status_code == 422
        assert desk.call("POST", ALLOCATIONS, data=f'{{"token": "{wrong}"').status_code in (400, 415)
        netbox.fault(Fault("token_expired"))
        assert desk.post({"key": "other", "prefix": "192.168.3.0/24"}).status_code == 502
        netbox.fault()
    finally:
        program.stop()
    written = program.log() + "".join(
        path.read_bytes().decode("latin-1") for path in (tmp_path / "state").iterdir()
    )
    assert '"event": "request"' in written
    assert '"event": "audit"' in written
    for secret in (TOKEN, SEED_TOKEN, wrong):
        assert secret not in written
