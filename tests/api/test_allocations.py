"""The routes of allocations: headers, formats, lists, holds, dry runs, and what is logged and counted."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app.domain.errors import BerthError, OutcomeUnknown, PrefixExhausted
from app.domain.upstream import Missing, NotSent, PermissionRefused, Unsure, UpstreamError
from tests.api.conftest import AsCaller, Rig

PATH = "/api/v1/allocations"
WISH: dict[str, Any] = {"key": "web-01", "prefix": "10.20.0.0/24"}


def test_the_fields_stand_in_one_fixed_order(api: TestClient) -> None:
    """Bytes are stable because the order is."""
    assert list(api.post(PATH, json=WISH).json()) == [
        *("key", "state", "address", "ip", "prefix_length", "family", "prefix", "ip_range", "vrf", "gateway"),
        *("netmask", "dns_name", "name_pattern", "dns_servers", "description", "status", "role", "tenant"),
        *("tags", "custom_fields", "mac_address", "assigned_to", "assign_to", "part_of"),
        *("hold_seconds", "hold_until"),
        *("owner", "requested_by", "reference", "netbox_id", "netbox_url"),
    ]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_dry_run_makes_nothing(api: TestClient, rig: Rig, method: str) -> None:
    """It answers what would be made, says that it was not, and has no id."""
    path = PATH if method == "POST" else f"{PATH}/web-01"
    response = api.request(method, f"{path}?dry_run=true", json=WISH)
    assert (response.status_code, response.headers["berth-dry-run"]) == (200, "true")
    assert (response.json()["ip"], response.json()["netbox_id"]) == ("10.20.0.1", None)
    assert "location" not in response.headers
    assert rig.twin.held == {}


def test_a_dry_release_releases_nothing(api: TestClient, rig: Rig) -> None:
    """The header says so."""
    api.put(f"{PATH}/web-01", json=WISH)
    response = api.delete(f"{PATH}/web-01?dry_run=true")
    assert (response.status_code, response.headers["berth-dry-run"]) == (204, "true")
    assert list(rig.twin.held) == ["web-01"]


@pytest.mark.parametrize("content", ["", "{}", " {} "])
def test_a_confirmation_says_nothing(api: TestClient, content: str) -> None:
    """No body and an empty one are the same."""
    api.post(PATH, json={**WISH, "hold_seconds": 60})
    assert api.post(f"{PATH}/web-01/confirm", content=content).json()["state"] == "active"


@pytest.mark.parametrize("body", [{"key": "web-01"}, {"state": "active"}, [], [1]])
def test_a_confirmation_that_says_something_is_refused(api: TestClient, rig: Rig, body: object) -> None:
    """What is not known is not dropped; the hold stays."""
    api.post(PATH, json={**WISH, "hold_seconds": 60})
    response = api.post(f"{PATH}/web-01/confirm", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert rig.twin.held["web-01"].state == "held"


def test_a_hold_is_confirmed(api: TestClient) -> None:
    """It is active from then on, and confirming again changes nothing."""
    held = api.post(PATH, json={**WISH, "hold_seconds": 60}).json()
    answers = [api.post(f"{PATH}/web-01/confirm").json() for _ in range(2)]
    assert (held["state"], held["hold_until"]) == ("held", "2026-11-23T21:30:00Z")
    assert [(answer["state"], answer["hold_until"]) for answer in answers] == [("active", None)] * 2


def test_an_operator_forces_a_release(as_caller: AsCaller, rig: Rig) -> None:
    """`force` reaches the desk, which decides."""
    as_caller("team").put(f"{PATH}/web-01", json=WISH)
    assert as_caller("other").delete(f"{PATH}/web-01").status_code == 403
    assert as_caller("other").delete(f"{PATH}/web-01?force=true").status_code == 204
    assert rig.twin.held == {}


def test_a_list_is_read_page_by_page(api: TestClient) -> None:
    """Each page has the cursor for the next; the last one has none."""
    for number in range(5):
        api.put(f"{PATH}/web-{number}", json={"prefix": "10.20.0.0/24"})
    pages, cursor = [], ""
    while True:
        body = api.get(f"{PATH}?limit=2{cursor}").json()
        pages.append([item["key"] for item in body["items"]])
        if body["next"] is None:
            break
        cursor = f"&cursor={body['next']}"
    assert pages == [["web-0", "web-1"], ["web-2", "web-3"], ["web-4"]]


def test_a_list_is_filtered(api: TestClient) -> None:
    """By state, for one."""
    api.put(f"{PATH}/a", json={"prefix": "10.20.0.0/24", "hold_seconds": 60})
    api.put(f"{PATH}/b", json={"prefix": "10.20.0.0/24"})
    assert [item["key"] for item in api.get(f"{PATH}?state=held").json()["items"]] == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=%21",
        "cursor=Mg%3D",
        "cursor=_w",
        "limit=0",
        "limit=201",
        "state=gone",
        "prefix=garbage",
        "prefix=10.20.0.1%2F24",
        "prefix=0",
        "address=garbage",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: TestClient, query: str) -> None:
    """A cursor is taken only as it was given."""
    response = api.get(f"{PATH}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert query.partition("=")[0] in response.json()["errors"][0]["detail"]


@pytest.mark.parametrize("query", ["?format=xml", "?format=", "?format=JSON"])
def test_an_unknown_format_is_refused(api: TestClient, query: str) -> None:
    """422, with what there is to choose from."""
    response = api.post(f"{PATH}{query}", json=WISH)
    assert response.status_code == 422
    assert "'json', 'text', 'env', 'proxmox' or 'terraform'" in response.json()["errors"][0]["detail"]


def test_errors_are_problem_documents_in_every_format(api: TestClient) -> None:
    """A shell checks the status; people read the document."""
    response = api.get(f"{PATH}/nobody?format=env", headers={"Accept": "text/plain"})
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("error", "on_read", "on_write"),
    [
        (NotSent("down", retry_after=3.0), "netbox_unavailable", "netbox_unavailable"),
        (NotSent("full", overloaded=True), "overloaded", "overloaded"),
        (Unsure("reset"), "netbox_unavailable", "outcome_unknown"),
        (PermissionRefused("no"), "netbox_denied", "netbox_denied"),
        (Missing("gone"), "not_found", "not_found"),
    ],
)
def test_a_failed_call_to_netbox_that_nobody_translated_means_what_it_says(
    api: TestClient, rig: Rig, error: UpstreamError, on_read: str, on_write: str
) -> None:
    """A read that failed has changed nothing, whatever happened to it."""
    rig.twin.failure = error
    assert api.get(f"{PATH}/web-01").json()["code"] == on_read
    rig.twin.failure = error
    assert api.post(PATH, json=WISH).json()["code"] == on_write


def test_a_failure_of_berths_own_tells_nothing(api: TestClient, rig: Rig) -> None:
    """The log has it, the answer has not; a client sees a problem document all the same."""
    rig.twin.failure = RuntimeError("the password is hunter2")
    response = api.post(PATH, json=WISH)
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in response.text
    assert any(line["event"] == "request failed" for line in rig.lines())


def test_the_caller_reaches_the_desk_with_address_and_request_id(api: TestClient, rig: Rig) -> None:
    """The audit log needs all three. Forwarded headers are not believed."""
    headers = {"X-Request-ID": "abc", "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    api.post(PATH, json=WISH, headers=headers)
    caller = rig.twin.callers[0]
    assert (caller.owner, caller.client_address, caller.request_id) == ("team", "testclient", "abc")


def test_every_request_has_one_line(api: TestClient, rig: Rig) -> None:
    """It says who, what, and what came of it; never the token, the query or the body."""
    api.post(f"{PATH}?format=text", json={**WISH, "description": "confidential"})
    (line,) = rig.lines()
    told = {name: line[name] for name in ("event", "method", "route", "status", "owner", "key", "outcome")}
    assert told == {
        "event": "request",
        "method": "POST",
        "route": PATH,
        "status": 200,
        "owner": "team",
        "key": "web-01",
        "outcome": "created",
    }
    assert not any(
        secret in rig.stream.getvalue() for secret in ("secret-of-team", "confidential", "format=")
    )


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (None, "created"),
        (PrefixExhausted(), "prefix_exhausted"),
        (OutcomeUnknown(), "outcome_unknown"),
    ],
)
def test_allocations_are_counted(failure: BerthError | None, outcome: str) -> None:
    """By prefix where an operation says which, for anybody can send any text; the twin does not."""
    rig = Rig()
    rig.twin.failure = failure
    with TestClient(rig.app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        client.post(PATH, json=WISH)
    assert rig.sample("berth_allocations_total", prefix="", outcome=outcome) == 1


@pytest.mark.parametrize("failure", [None, PrefixExhausted()])
def test_a_dry_run_is_no_allocation(failure: BerthError | None) -> None:
    """Neither alone nor in a batch: nothing was asked of NetBox for it."""
    rig = Rig()
    rig.twin.failure = failure
    with TestClient(rig.app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        client.post(f"{PATH}?dry_run=true", json=WISH)
        rig.twin.failure = failure
        client.post(f"{PATH}/batch?dry_run=true", json={"items": [WISH]})
    assert [metric.samples for metric in rig.metrics.registry.collect() if "allocations" in metric.name] == [
        []
    ]


def test_requests_are_counted_by_template() -> None:
    """Keys are no labels: there is no end to them."""
    rig = Rig()
    with TestClient(rig.app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        for key in ("a", "b"):
            client.get(f"{PATH}/{key}")
    labels = {"route": f"{PATH}/{{key}}", "method": "GET", "status": "404", "caller": "team"}
    assert rig.sample("berth_http_requests_total", **labels) == 2


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("docker-nexus", "name_pattern.malformed"),
        ("a-{n}" * 60, "too_long"),
        (7, "wrong_type"),
    ],
)
def test_a_name_pattern_is_checked_for_form(api: TestClient, pattern: object, code: str) -> None:
    """At its field."""
    response = api.post(PATH, json={"key": "a", "prefix": "10.20.0.0/24", "name_pattern": pattern})
    assert response.status_code == 422
    assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [
        ("/name_pattern", code)
    ]


def test_a_name_pattern_comes_back_as_it_was_sent(api: TestClient, rig: Rig) -> None:
    """Beside the name, and null where none was sent."""
    body = {"key": "a", "prefix": "10.20.0.0/24", "name_pattern": "docker-{nn}.example"}
    assert api.post(PATH, json=body).json()["name_pattern"] == "docker-{nn}.example"
    assert rig.twin.wishes[-1].traits.name_pattern == "docker-{nn}.example"
    assert api.post(PATH, json={"key": "b", "prefix": "10.20.0.0/24"}).json()["name_pattern"] is None
