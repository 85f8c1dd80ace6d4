"""Many allocations in one request."""

import json
from typing import Any

from starlette.testclient import TestClient

from app.domain.errors import PrefixExhausted
from tests.api.conftest import Rig

PATH = "/api/v1/allocations/batch"


def item(key: str, **more: object) -> dict[str, Any]:
    """One wish."""
    return {"key": key, "prefix": "10.20.0.0/24", **more}


def results(api: TestClient, *items: object) -> list[tuple[int, str]]:
    """Each item's status, with its key or its code."""
    response = api.post(PATH, json={"items": items})
    assert response.status_code == 200
    shown = []
    for result in response.json()["items"]:
        word = result["allocation"]["key"] if "allocation" in result else result["problem"]["code"]
        shown.append((result["status"], word))
    return shown


def test_every_item_has_its_own_result_in_the_order_of_the_items(api: TestClient) -> None:
    """A refused item does not hold up the others."""
    assert results(api, item("a"), item("b", prefix="10.99.0.0/24"), item("c")) == [
        (200, "a"),
        (422, "prefix_not_found"),
        (200, "c"),
    ]


def test_items_are_validated_one_by_one(api: TestClient) -> None:
    """Pointers lead into the item."""
    response = api.post(PATH, json={"items": [item("a"), item("b", color="red"), 5]})
    _, unknown, number = response.json()["items"]
    assert unknown["problem"]["errors"][0]["pointer"] == "/color"
    assert (number["status"], number["problem"]["errors"][0]["code"]) == (422, "wrong_type")


def test_of_two_items_with_one_key_the_later_one_is_refused(api: TestClient) -> None:
    """Each item has its own key."""
    assert results(api, item("a"), item("a"), item("b")) == [(200, "a"), (422, "invalid_request"), (200, "b")]


def test_of_two_items_with_one_name_in_one_place_the_later_one_is_refused(api: TestClient) -> None:
    """Whatever its case: without a key the name is the key. In another place it is another key."""
    one, other = {"prefix": "10.20.0.0/24"}, {"prefix": "2001:db8::/64"}
    items = [
        {**one, "dns_name": "Web.org"},
        {**one, "dns_name": "web.ORG"},
        {**other, "dns_name": "web.org", "vrf": None},
        {**other, "dns_name": "web.org", "key": "a"},
        {**one, "dns_name": ""},
        {**one, "dns_name": ""},
    ]
    response = api.post(PATH, json={"items": items}).json()["items"]
    assert [result["status"] for result in response] == [200, 422, 409, 200, 422, 422]
    codes = [result["problem"]["errors"][0]["code"] for result in response if "problem" in result]
    assert codes == ["key_repeated", "differs", "key_required", "key_required"]
    assert response[1]["problem"]["errors"][0]["pointer"] == "/dns_name"


def test_items_without_a_key_draw_theirs_from_the_name(api: TestClient) -> None:
    """Without either they are refused."""
    nameless = {"prefix": "10.20.0.0/24"}
    assert results(api, {**nameless, "dns_name": "a.org"}, nameless) == [
        (200, "a.org"),
        (422, "key_required"),
    ]


def test_a_repeated_batch_has_the_same_bytes(api: TestClient) -> None:
    """As a repeated request has."""
    body = {"items": [item("a"), item("b", prefix="10.99.0.0/24")]}
    assert api.post(PATH, json=body).content == api.post(PATH, json=body).content


def test_the_idempotency_key_header_is_not_looked_at(api: TestClient) -> None:
    """It cannot be the key of several."""
    response = api.post(PATH, json={"items": [item("a")]}, headers={"Idempotency-Key": "x y"})
    assert response.json()["items"][0]["allocation"]["key"] == "a"


def test_a_failure_of_berths_own_is_the_result_of_its_item_alone(api: TestClient, rig: Rig) -> None:
    """What the others came to is told, and the log has the failure."""
    rig.twin.failure = RuntimeError("boom")
    assert results(api, item("a"), item("b")) == [(500, "internal_error"), (200, "b")]
    assert any(line["event"] == "work failed" for line in rig.lines())


def test_a_refusal_of_one_item_is_its_problem(api: TestClient, rig: Rig) -> None:
    """With the status that the item alone would have got."""
    rig.twin.failure = PrefixExhausted()
    assert results(api, item("a"), item("b")) == [(409, "prefix_exhausted"), (200, "b")]


def test_a_dry_batch_makes_nothing(api: TestClient, rig: Rig) -> None:
    """The header says so."""
    response = api.post(f"{PATH}?dry_run=true", json={"items": [item("a")]})
    assert response.headers["berth-dry-run"] == "true"
    assert rig.twin.held == {}


def test_a_batch_has_one_to_a_hundred_items(api: TestClient) -> None:
    """None and 101 are refused as a whole."""
    statuses = [
        api.post(PATH, json={"items": [item(f"k{n}") for n in range(count)]}).status_code
        for count in (0, 1, 100, 101)
    ]
    assert statuses == [422, 200, 200, 422]


def test_a_batch_may_be_larger_than_other_bodies(api: TestClient) -> None:
    """1 MiB against 64 KiB."""
    filler = " " * (70 * 1024)
    body = json.dumps({"items": [item("a")]}) + filler
    assert api.post(PATH, content=body).status_code == 200
    assert api.post("/api/v1/allocations", content=body).status_code == 413
    assert api.post(PATH, content=body + " " * 1024 * 1024).status_code == 413


def test_the_line_of_a_batch_says_how_many_were_refused(api: TestClient, rig: Rig) -> None:
    """And no key: there are many."""
    results(api, item("a"), item("b", prefix="10.99.0.0/24"))
    (line,) = rig.lines()
    assert (line["items"], line["refused"], line.get("key")) == (2, 1, None)
