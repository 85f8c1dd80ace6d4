"""Whatever route is asked to change something leaves a record, also when it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.api.denials import ACTIONS, READING
from app.api.export import document
from app.domain.policy import Policy
from app.policyfile import load
from tests.whole import ALLOCATIONS, LAB, NetBox, Whole, whole

MACHINES = "/api/v1/virtual-machines"
OTHER = "the-token-of-another-owner-0123456789"
MUTATING = {
    operation["operationId"]: (method, path)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
    if method in ("post", "put", "patch", "delete") and operation["operationId"] not in READING
}
POLICY = """\
version: 1
clients:
  other: {{token_sha256: [{digest}], roles: [allocator]}}
"""

Ask = dict[str, Any]
WELL: dict[str, Ask] = {
    "allocate": {"json": {"key": "new", "prefix": LAB}},
    "allocateBatch": {"json": {"items": [{"key": "new-in-batch", "prefix": LAB}]}},
    "upsertAllocation": {"json": {"prefix": LAB, "description": "changed"}},
    "confirmAllocation": {},
    "releaseAllocation": {},
    "registerMachine": {"json": {"key": "new", "name": "new", "cluster": "matrix"}},
    "convergeMachine": {"key": "new", "json": {"name": "new", "cluster": "matrix"}},
    "registerMachineBatch": {"json": {"items": [{"name": "new-in-batch", "cluster": "matrix"}]}},
    "retireMachine": {"key": "machine"},
    "retryOperation": {},
    "abandonOperation": {},
    "createKey": {"json": {"client": "team"}},
    "revokeKey": {"operation": "made"},
    "createEnrolment": {"json": {"prefix": LAB, "dns_name": "enrolled.example.com"}},
}
"""A request for each route that it carries out."""
REFUSED: dict[tuple[str, int], Ask] = {
    ("allocate", 403): {"json": {"key": "held", "prefix": LAB}, "as": OTHER},
    ("allocate", 409): {"json": {"key": "held", "prefix": "192.168.3.0/24"}},
    ("allocate", 422): {"json": {"prefix": LAB, "colour": "red"}},
    ("allocateBatch", 200): {"json": {"items": [{"colour": "red"}]}},
    ("allocateBatch", 422): {"json": {"items": []}},
    ("upsertAllocation", 403): {"json": {"prefix": LAB}, "as": OTHER},
    ("upsertAllocation", 409): {"json": {"prefix": "192.168.3.0/24"}},
    ("upsertAllocation", 422): {"json": {"key": "another", "prefix": LAB}},
    ("confirmAllocation", 403): {"as": OTHER},
    ("confirmAllocation", 409): {"key": "part~of"},
    ("confirmAllocation", 422): {"params": {"dry_run": "perhaps"}},
    ("releaseAllocation", 403): {"as": OTHER},
    ("releaseAllocation", 409): {"key": "part~of"},
    ("releaseAllocation", 422): {"params": {"force": "perhaps"}},
    ("registerMachine", 403): {"json": {"key": "machine", "name": "other", "cluster": "matrix"}, "as": OTHER},
    ("registerMachine", 409): {"json": {"key": "second", "name": "machine", "cluster": "matrix"}},
    ("registerMachine", 422): {"json": {"cluster": "matrix"}},
    ("convergeMachine", 403): {"key": "machine", "json": {"description": "mine"}, "as": OTHER},
    ("convergeMachine", 409): {"key": "second", "json": {"name": "machine", "cluster": "matrix"}},
    ("convergeMachine", 422): {"key": "machine", "json": {"site": "matrix"}},
    ("retireMachine", 403): {"key": "machine", "as": OTHER},
    ("retireMachine", 409): {"key": "stuck"},
    ("retireMachine", 422): {"key": "part~of"},
    ("registerMachineBatch", 200): {"json": {"items": [{"colour": "red"}]}},
    ("registerMachineBatch", 422): {"json": {"items": []}},
    ("retryOperation", 403): {"as": OTHER},
    ("retryOperation", 404): {"operation": "1"},
    ("retryOperation", 422): {"operation": "no~id"},
    ("abandonOperation", 403): {"as": OTHER},
    ("abandonOperation", 404): {"operation": "1"},
    ("abandonOperation", 422): {"operation": "no~id"},
    ("createKey", 403): {"json": {"client": "other"}, "as": OTHER},
    ("createKey", 422): {"json": {"client": "stranger"}},
    ("revokeKey", 403): {"operation": "made", "as": OTHER},
    ("revokeKey", 404): {"operation": "unknown"},
    ("revokeKey", 422): {"operation": "no~id"},
    ("createEnrolment", 403): {
        "json": {"key": "held", "prefix": LAB, "dns_name": "a.example.com"},
        "as": OTHER,
    },
    ("createEnrolment", 409): {"json": {"key": "held", "prefix": LAB, "dns_name": "a.example.com"}},
    ("createEnrolment", 422): {"json": {"prefix": LAB}},
}
"""A request for each route and each way of refusing it."""


MENDING = {"retryOperation", "abandonOperation", "createKey", "revokeKey"}
"""Nothing conflicts with these: an operation that is over is not there, and keys are nobody else's."""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """One more client, an owner of its own."""
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(POLICY.format(digest=hashlib.sha256(OTHER.encode()).hexdigest()))
    return load(path, {})


@pytest.fixture
async def desk(
    netbox: NetBox, tmp_path: Path, policy: Policy, request: pytest.FixtureRequest
) -> AsyncIterator[Whole]:
    """A Berth that holds one address under the key `held`, and machines where the test is about them."""
    asked = str(getattr(request.node, "callspec", None) and request.node.callspec.params.get("operation", ""))
    async with whole(netbox.url, tmp_path, policy) as desk:
        made = await desk.post("held", hold_seconds=600)
        assert made.status_code == 200, made.text
        if "Machine" in asked or "Operation" in asked:
            await furnish(desk)
        yield desk
        await desk.client.delete(f"{ALLOCATIONS}/held")
        if "Machine" in asked or "Operation" in asked:
            await desk.client.post("/api/v1/operations/0/retry")
            for key in ("machine", "stuck", "new", "new-in-batch"):
                await desk.client.delete(f"{MACHINES}/{key}")


async def furnish(desk: Whole) -> None:
    """Two machines, of which one is stuck."""
    for key in ("machine", "stuck"):
        made = await desk.client.put(f"{MACHINES}/{key}", json={"name": key, "cluster": "matrix"})
        assert made.status_code == 201, made.text
    await desk.get_stuck("stuck")


async def ask(desk: Whole, operation: str, request: Ask) -> httpx2.Response:
    """Send it, by default about the key `held`."""
    method, path = MUTATING[operation]
    options = {name: value for name, value in request.items() if name in ("json", "params")}
    headers = {"Authorization": f"Bearer {request['as']}"} if "as" in request else {}
    id_ = request.get("operation", "0")
    if id_ == "made":
        id_ = (await desk.client.post("/api/v1/keys", json={"client": "team"})).json()["id"]
    url = path.format(key=request.get("key", "held"), id=id_)
    return await desk.client.request(method.upper(), url, headers=headers, **options)


@pytest.mark.parametrize("operation", sorted(MUTATING))
async def test_what_a_route_does_is_on_the_record(desk: Whole, operation: str) -> None:
    """The intent before, the outcome after, both under the request's id and in its owner's name.

    A route that is new in the document has no request here, so that this fails until it has.
    """
    answer = await ask(desk, operation, WELL[operation])
    assert answer.status_code in (200, 201, 204), answer.text
    records = await desk.records(request_id=answer.headers["X-Request-ID"])
    told = [record["event"] for record in records if record["event"] != "note"]
    assert (told[0], told[-1], told.count("intent")) == ("intent", "outcome", 1)
    assert {record["owner"] for record in records} == {"team"}
    for key in ("new", "new-in-batch"):
        await desk.client.delete(f"{ALLOCATIONS}/{key}")


@pytest.mark.parametrize(
    ("operation", "status"),
    REFUSED,
)
async def test_what_a_route_refuses_is_on_the_record(desk: Whole, operation: str, status: int) -> None:
    """Once, with the code of the refusal."""
    answer = await ask(desk, operation, REFUSED[operation, status])
    assert answer.status_code == status, answer.text
    [record] = await desk.records(request_id=answer.headers["X-Request-ID"])
    body = answer.json()
    problem = body["items"][0]["problem"] if status == 200 else body
    assert (record["event"], record["reason"]) == ("denied", problem["code"])


def test_every_route_is_refused_in_every_way() -> None:
    """A route that is new in the document is missed here until it is asked."""
    assert {operation for operation, _ in REFUSED} == set(MUTATING) == set(WELL)
    one_by_one = set(MUTATING) - {"allocateBatch", "registerMachineBatch"} - MENDING
    assert {(operation, status) for operation in one_by_one for status in (403, 409, 422)} <= set(REFUSED)


BROKEN: dict[str, tuple[int, str, Ask]] = {
    "malformed": (400, "malformed_body", {"content": b'{"prefix": '}),
    "too large": (413, "body_too_large", {"content": b" " * (2 * 1024 * 1024)}),
    "compressed": (415, "unsupported_media_type", {"content": b"x", "headers": {"Content-Encoding": "gzip"}}),
    "control characters": (422, "invalid_request", {"content": b'{"prefix": "a\\u0000"}'}),
}
"""Bodies that are refused before any route sees them."""
BODIED = {name: ask for name, ask in MUTATING.items() if ask[0] in ("post", "put")}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("operation", BODIED)
async def test_what_the_edge_refuses_a_known_caller_is_on_the_record(
    desk: Whole, operation: str, broken: str
) -> None:
    """As the same operation, under the key of the path."""
    method, path = MUTATING[operation]
    status, code, body = BROKEN[broken]
    answer = await desk.client.request(method.upper(), path.format(key="held", id="0"), **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    [record] = await desk.records(request_id=answer.headers["X-Request-ID"])
    told = {name: record.get(name, "") for name in ("event", "reason", "owner", "action", "key")}
    assert told == {
        "event": "denied",
        "reason": code,
        "owner": "team",
        "action": ACTIONS.get(operation, operation),
        "key": "held" if "{key}" in path else "",
    }


async def test_a_method_that_a_path_does_not_answer_is_on_the_record(desk: Whole) -> None:
    """It is nobody's operation, so the record has its name."""
    answer = await desk.client.patch(f"{ALLOCATIONS}/held", json={"description": "new"})
    assert answer.status_code == 405
    [record] = await desk.records(request_id=answer.headers["X-Request-ID"])
    assert (record["event"], record["action"], record["key"]) == ("denied", "patch", "held")
    assert record["reason"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("method", "path", "request_", "status"),
    [
        ("POST", ALLOCATIONS, {"content": b"{", "headers": {"Authorization": "Bearer nobody's"}}, 401),
        ("PATCH", ALLOCATIONS, {"headers": {"Authorization": "Bearer nobody's"}}, 401),
        ("POST", "/api/v1/names/check", {"content": b"{"}, 400),
        ("POST", "/api/v1/nowhere", {"content": b"{}"}, 404),
        ("GET", f"{ALLOCATIONS}/held/confirm", {}, 405),
        ("GET", f"{ALLOCATIONS}?owner=%00", {}, 422),
        ("POST", f"{ALLOCATIONS}?dry_run=true", {"content": b"{"}, 400),
    ],
)
async def test_what_the_edge_refuses_without_a_record(
    desk: Whole, method: str, path: str, request_: Ask, status: int
) -> None:
    """Strangers, who could fill the disk; and what would have changed nothing."""
    answer = await desk.client.request(method, path, **request_)
    assert answer.status_code == status
    assert await desk.records(request_id=answer.headers["X-Request-ID"]) == []
    assert [line for line in desk.lines() if line.get("request_id") == answer.headers["X-Request-ID"]]


def test_only_the_check_of_a_name_is_a_question_that_is_posted() -> None:
    """What stands here leaves no record: whoever adds a route to it has to say here why."""
    assert frozenset({"checkName"}) == READING


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"prefix": LAB, "colour": "red"}, "params": {"dry_run": "true"}},
        {"json": {"prefix": LAB, "colour": "red"}, "as": "nobody's token"},
        {"json": {"items": [{"colour": "red"}]}, "params": {"dry_run": "true"}, "to": "allocateBatch"},
        {"json": {"prefix": LAB, "dns_name": "-bad"}, "params": {"dry_run": "true"}},
    ],
    ids=["dry run", "stranger", "dry run of a batch", "dry run of an operation"],
)
async def test_what_leaves_no_record(desk: Whole, request_: Ask) -> None:
    """A dry run would have changed nothing; strangers could fill the disk."""
    answer = await ask(desk, request_.get("to", "allocate"), request_)
    assert answer.status_code in (200, 401, 422)
    assert await desk.records(request_id=answer.headers["X-Request-ID"]) == []


async def test_a_question_leaves_no_record(desk: Whole) -> None:
    """Also one that is asked with POST, and also a malformed one."""
    for body in ({"dns_name": "-bad"}, {"colour": "red"}):
        answer = await desk.client.post("/api/v1/names/check", json=body)
        assert await desk.records(request_id=answer.headers["X-Request-ID"]) == []


async def test_a_refusal_that_cannot_be_recorded_is_not_answered_as_one(desk: Whole) -> None:
    """The ledger comes first, as for everything that is written."""
    desk.berth.database.close()
    answer = await desk.client.post(ALLOCATIONS, json={"colour": "red"})
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
