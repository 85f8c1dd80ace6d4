"""Bodies, labels, redirects and refusals as clients meet them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.program import Desk, refusal
from tests.end_to_end.spaces import Spaces, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Program


@pytest.mark.parametrize("label", [None, "application/x-www-form-urlencoded", "text/plain", "nonsense"])
def test_json_is_read_whatever_its_label_says(alice: Desk, spaces: Spaces, label: str | None) -> None:
    """Terraform sends none, curl's -d and Ansible call it a form."""
    name = key()
    answer = alice.call(
        "POST",
        "/api/v1/allocations",
        data=json.dumps({"key": name, "prefix": spaces.prefix()}).encode(),
        headers={"Content-Type": label} if label else {},
    )
    assert (answer.status_code, answer.json()["key"]) == (200, name)


def test_a_real_form_is_read(alice: Desk, spaces: Spaces) -> None:
    """Lists with commas, numbers, members of custom_fields."""
    name, tag = key(), spaces.netbox.tag()
    form = {"key": name, "prefix": spaces.prefix(), "tags": tag["slug"], "family": "4", "description": "a b"}
    answer = alice.call("POST", "/api/v1/allocations", data=form)
    shown = answer.json()
    assert (answer.status_code, shown["tags"], shown["description"]) == (200, [tag["slug"]], "a b")


def test_a_form_can_put(alice: Desk, spaces: Spaces) -> None:
    """A portal that knows nothing but forms can converge too."""
    answer = alice.call("PUT", f"/api/v1/allocations/{key()}", data={"prefix": spaces.prefix()})
    assert answer.status_code == 201


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE"])
def test_a_slash_at_the_end_is_no_redirect(alice: Desk, spaces: Spaces, method: str) -> None:
    """A POST that is redirected becomes a GET without a body."""
    name = key()
    alice.made({"key": name, "prefix": spaces.prefix()})
    path = "/api/v1/allocations/" if method == "POST" else f"/api/v1/allocations/{name}/"
    body = {"key": name} if method in ("POST", "PUT") else None
    answer = alice.call(method, path, json=body)
    assert answer.status_code == (204 if method == "DELETE" else 200), answer.text


def test_an_unknown_field_is_refused_and_named(alice: Desk, spaces: Spaces) -> None:
    """A dropped field is a diff for ever."""
    prefix = spaces.prefix()
    answer = alice.post({"key": key(), "prefix": prefix, "descripton": "typo", "gateway": "10.0.0.1"})
    assert refusal(answer) == (422, "invalid_request")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/descripton", "/gateway"}
    assert spaces.inside(prefix) == []


def test_an_unknown_parameter_is_refused(alice: Desk, spaces: Spaces) -> None:
    """`?dryrun=true` must not be a write in earnest."""
    name = key()
    answer = alice.post({"key": name, "prefix": spaces.prefix()}, "?dryrun=true")
    assert refusal(answer) == (422, "invalid_request")
    assert spaces.held(name) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"key": "a"', (400, "malformed_body")),
        (b'{"key": "\xff"}', (400, "malformed_body")),
        (b'{"key": "a", "key": "b"}', (400, "malformed_body")),
        (b"[1, 2]", (422, "invalid_request")),
        (b'{"key": "a", "prefix": true}', (422, "invalid_request")),
        (b'{"key": "a", "prefix": "10.0.0.1/24"}', (422, "invalid_request")),
        (b'{"key": "a", "prefix": "10.0.0.0/24", "description": "a\\u0000b"}', (422, "invalid_request")),
        (
            b'{"key": "a", "prefix": "10.0.0.0/8", "custom_fields": {"x": "\\u0007"}}',
            (422, "invalid_request"),
        ),
        (b'{"key": "a", "prefix": "10.0.0.0/24", "dns_name": "under_score.test"}', (422, "prefix_not_found")),
        (b'{"key": "a", "description": "' + b"x" * 70_000 + b'"}', (413, "body_too_large")),
    ],
)
def test_bad_input_gets_a_clear_refusal(alice: Desk, body: bytes, expected: tuple[int, str]) -> None:
    """And a code that stays the same."""
    headers = {"Content-Type": "application/json"}
    assert refusal(alice.call("POST", "/api/v1/allocations", data=body, headers=headers)) == expected


def test_a_caller_without_a_token_is_told_how_to_send_one(service: Program) -> None:
    """The challenge names Basic too: curl and Ansible wait for that."""
    answer = Desk(service.url).post({"key": "a"})
    assert refusal(answer) == (401, "unauthenticated")
    assert "Basic" in answer.headers["WWW-Authenticate"]
    assert refusal(Desk(service.url, "wrong-token").get("a")) == (401, "unauthenticated")


def test_a_token_may_come_as_the_password_of_basic(service: Program, spaces: Spaces) -> None:
    """Portals that know nothing else."""
    name = key()
    answer = Desk(service.url).call(
        "POST",
        "/api/v1/allocations",
        json={"key": name, "prefix": spaces.prefix()},
        auth=("anybody", "end-to-end-token-of-alice"),
    )
    assert (answer.status_code, answer.json()["owner"]) == (200, "alice")


def test_a_refusal_is_the_same_from_byte_to_byte(alice: Desk) -> None:
    """Its request id stands in a header."""
    answers = [alice.post({"key": "a", "prefix": "198.51.100.0/24"}) for _ in range(2)]
    assert refusal(answers[0]) == (422, "prefix_not_found")
    assert answers[0].content == answers[1].content
    assert answers[0].headers["X-Request-ID"] != answers[1].headers["X-Request-ID"]


def test_a_request_id_that_was_sent_comes_back_and_is_recorded(operator: Desk, spaces: Spaces) -> None:
    """So a caller's trace leads into the audit log, and from there into NetBox."""
    identity = key()
    operator.post({"key": key(), "prefix": spaces.prefix()}, X_Request_ID=identity)
    events = operator.list("audit", request_id=identity).json()["items"]
    assert [event["event"] for event in events] == ["intent", "outcome"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
def test_what_watches_the_process_needs_no_token(service: Program, path: str) -> None:
    """Probes, Prometheus, and people who look for the documentation."""
    assert Desk(service.url).call("GET", path).status_code == 200


def test_a_method_that_a_route_does_not_know_is_405(alice: Desk) -> None:
    """With the methods that it knows."""
    answer = alice.call("PATCH", "/api/v1/allocations/a", json={})
    assert refusal(answer) == (405, "method_not_allowed")
    assert {"GET", "PUT", "DELETE"} <= set(answer.headers["Allow"].replace(" ", "").split(","))
