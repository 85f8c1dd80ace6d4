"""Many virtual machines in one request."""

import json
from typing import Any

from starlette.testclient import TestClient

from app.domain.commands import Caller
from app.domain.errors import BerthError, OutcomeUnknown
from tests.api.conftest import Rig

PATH = "/api/v1/virtual-machines/batch"


def item(name: str, **more: object) -> dict[str, Any]:
    """One wish."""
    return {"name": name, "cluster": "matrix", **more}


def results(api: TestClient, *items: object) -> list[tuple[int, str]]:
    """Each item's status, with its key or its code."""
    response = api.post(PATH, json={"items": items})
    assert response.status_code == 200
    shown = []
    for result in response.json()["items"]:
        made = result.get("virtual_machine")
        shown.append((result["status"], made["key"] if made else result["problem"]["code"]))
    return shown


def test_every_item_has_its_own_result_in_the_order_of_the_items(api: TestClient) -> None:
    """A refused item does not hold up the others."""
    nameless = {"key": "b", "cluster": "matrix"}
    assert results(api, item("a"), nameless, item("C")) == [(200, "a"), (422, "invalid_request"), (200, "c")]


def test_items_are_validated_one_by_one(api: TestClient) -> None:
    """By their schema and as commands; pointers lead into the item."""
    twice = item("c", interfaces=[{"name": "eth0"}, {"name": "eth0"}])
    response = api.post(PATH, json={"items": [item("a"), item("b", site="matrix"), twice, 5]})
    _, site, repeated, number = [each.get("problem") for each in response.json()["items"]]
    assert [each["errors"][0]["pointer"] for each in (site, repeated, number)] == [
        "/site",
        "/interfaces/1/name",
        "",
    ]


def test_of_two_items_with_one_key_the_later_one_is_refused(api: TestClient) -> None:
    """Also where both are drawn from names, which differ in letter case only."""
    assert results(api, item("a"), item("A"), item("b", key="a"), item("b")) == [
        (200, "a"),
        (422, "invalid_request"),
        (422, "invalid_request"),
        (200, "b"),
    ]


def test_an_item_without_a_key_is_refused(api: TestClient) -> None:
    """The header cannot be the key of several."""
    response = api.post(PATH, json={"items": [{"cluster": "matrix"}]}, headers={"Idempotency-Key": "x"})
    assert response.json()["items"][0]["problem"]["code"] == "key_required"


def test_a_repeated_batch_has_the_same_bytes(api: TestClient) -> None:
    """As a repeated request has."""
    body = {"items": [item("a", interfaces=[{"name": "eth0", "addresses": [{"prefix": 7}]}]), item("b")]}
    assert api.post(PATH, json=body).content == api.post(PATH, json=body).content


def test_a_failure_of_one_item_is_its_problem(api: TestClient, rig: Rig) -> None:
    """Berth's own as well as NetBox's; both are counted, or in the log."""
    rig.twin.failure = OutcomeUnknown()
    assert results(api, item("a"), item("b")) == [(503, "outcome_unknown"), (200, "b")]
    rig.twin.failure = RuntimeError("boom")
    assert results(api, item("c"), item("d")) == [(500, "internal_error"), (200, "d")]
    assert any(line["event"] == "work failed" for line in rig.lines())


def test_a_dry_batch_makes_nothing(api: TestClient, rig: Rig) -> None:
    """The header says so."""
    response = api.post(f"{PATH}?dry_run=true", json={"items": [item("a")]})
    assert response.headers["berth-dry-run"] == "true"
    assert rig.machines.held == {}


def test_a_batch_has_one_to_a_hundred_items_and_may_be_large(api: TestClient) -> None:
    """As one of allocations."""
    items = [item(f"vm-{number}") for number in range(101)]
    assert [api.post(PATH, json={"items": items[:n]}).status_code for n in (0, 100, 101)] == [422, 200, 422]
    body = json.dumps({"items": [item("a")]}) + " " * 70 * 1024
    assert api.post(PATH, content=body).status_code == 200
    assert api.post("/api/v1/virtual-machines", content=body).status_code == 413


def test_the_line_of_a_batch_says_how_many_were_refused(api: TestClient, rig: Rig) -> None:
    """And no key: there are many."""
    results(api, item("a"), item("b", colour="red"))
    (line,) = rig.lines()
    assert (line["items"], line["refused"], line.get("key")) == (2, 1, None)
    assert sorted(line["outcomes"].items()) == [("created", 1), ("invalid_request", 1)]
    assert "dry_run" not in line


def test_malformed_items_are_recorded() -> None:
    """But not in a dry run, which leaves nothing."""
    written: list[tuple[str, str]] = []

    async def record(caller: Caller, action: str, key: str, error: BerthError) -> None:
        written.append((action, error.code))

    with TestClient(Rig(record=record).app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        client.post(f"{PATH}?dry_run=true", json={"items": [item("a", colour="red")]})
        client.post(PATH, json={"items": [item("a", colour="red"), {"cluster": "matrix"}]})
        client.post(PATH, json={"items": []})
    assert written == [
        ("register", "invalid_request"),
        ("register", "key_required"),
        ("register", "invalid_request"),
    ]
