"""Holds, batches and dry runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.program import refusal, wait_until
from tests.end_to_end.spaces import Spaces, hosts, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk


def test_a_hold_that_nobody_confirms_ends(alice: Desk, operator: Desk, spaces: Spaces) -> None:
    """The address is free again, and the log says why."""
    name = key()
    shown = alice.made({"key": name, "prefix": spaces.prefix(), "hold_seconds": 1})
    assert (shown["state"], shown["hold_seconds"], shown["hold_until"][-1]) == ("held", 1, "Z")
    wait_until(lambda: alice.get(name).status_code == 404, "the hold ends", 20)
    assert spaces.held(name) == []
    actions = [event["action"] for event in operator.list("audit", key=name).json()["items"]]
    assert actions == ["allocate", "allocate", "expire", "expire"]


def test_a_confirmed_hold_stays(alice: Desk, spaces: Spaces) -> None:
    """Confirming twice is the same as once."""
    name = key()
    held = alice.made({"key": name, "prefix": spaces.prefix(), "hold_seconds": 600})
    answers = [alice.confirm(name) for _ in range(2)]
    assert answers[0].content == answers[1].content == alice.get(name).content
    shown = answers[0].json()
    assert (shown["state"], shown["hold_until"], shown["address"]) == ("active", None, held["address"])
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_a_repeat_neither_extends_nor_confirms_a_hold(alice: Desk, spaces: Spaces) -> None:
    """Its bytes stay the same."""
    name = key()
    body = {"prefix": spaces.prefix(), "hold_seconds": 600}
    made = alice.put(name, body)
    answers = (alice.put(name, body), alice.post({"key": name, **body}), alice.get(name))
    assert {answer.content for answer in answers} == {made.content}


def test_a_put_may_end_a_hold(alice: Desk, spaces: Spaces) -> None:
    """`null` holds it for good."""
    name, prefix = key(), spaces.prefix()
    alice.put(name, {"prefix": prefix, "hold_seconds": 600})
    shown = alice.put(name, {"prefix": prefix, "hold_seconds": None}).json()
    assert (shown["state"], shown["hold_until"], shown["hold_seconds"]) == ("active", None, None)


def test_a_hold_ends_in_a_list_of_held_ones(alice: Desk, spaces: Spaces) -> None:
    """The list by state shows who has not confirmed: a tainted resource leaks nothing for ever."""
    prefix = spaces.prefix()
    held, kept = key(), key()
    alice.made({"key": held, "prefix": prefix, "hold_seconds": 600})
    alice.made({"key": kept, "prefix": prefix})
    listed = [
        [item["key"] for item in alice.list("allocations", prefix=prefix, state=state).json()["items"]]
        for state in ("held", "active")
    ]
    assert listed == [[held], [kept]]


def test_a_batch_answers_item_by_item(alice: Desk, bob: Desk, spaces: Spaces) -> None:
    """A refused item does not hold up the others."""
    prefix, theirs = spaces.prefix(), key()
    bob.made({"key": theirs, "prefix": prefix})
    items = [
        {"key": key(), "prefix": prefix},
        {"key": theirs, "prefix": prefix},
        {"key": key(), "prefix": "198.51.100.0/24"},
        {"prefix": prefix},
        {"key": key(), "prefix": prefix, "nonsense": 1},
        {"dns_name": spaces.name(), "prefix": prefix},
    ]
    answer = alice.call("POST", "/api/v1/allocations/batch", json={"items": items})
    results = answer.json()["items"]
    assert answer.status_code == 200
    assert [result["status"] for result in results] == [200, 403, 422, 422, 422, 200]
    assert [result["problem"]["code"] for result in results if "problem" in result] == [
        *("not_owner", "prefix_not_found", "key_required", "invalid_request"),
    ]
    assert {result["allocation"]["ip"] for result in results if "allocation" in result} == set(
        hosts(prefix)[1:3]
    )


def test_a_repeated_batch_gets_the_same_bytes(alice: Desk, spaces: Spaces) -> None:
    """Of a hundred items, too."""
    prefix = spaces.prefix(length=25)
    items = [{"key": key(), "prefix": prefix} for _ in range(100)]
    answers = [alice.call("POST", "/api/v1/allocations/batch", json={"items": items}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    results = answers[0].json()["items"]
    assert [item["allocation"]["key"] for item in results] == [item["key"] for item in items]
    assert {item["allocation"]["ip"] for item in results} == set(hosts(prefix)[:100])


def test_more_than_a_hundred_items_are_refused(alice: Desk, spaces: Spaces) -> None:
    """And no item at all."""
    for count in (0, 101):
        items = [{"key": key(), "prefix": "10.0.0.0/24"} for _ in range(count)]
        answer = alice.call("POST", "/api/v1/allocations/batch", json={"items": items})
        assert refusal(answer) == (422, "invalid_request")


def test_two_items_with_one_key_are_one_allocation_and_a_refusal(alice: Desk, spaces: Spaces) -> None:
    """Both in one list would pass NetBox's check of the claim."""
    prefix, name = spaces.prefix(), key()
    items = [{"key": name, "prefix": prefix}, {"key": name, "prefix": prefix}]
    answer = alice.call("POST", "/api/v1/allocations/batch", json={"items": items})
    assert [item["status"] for item in answer.json()["items"]] == [200, 422]
    assert len(spaces.held(name)) == 1


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_dry_run_shows_what_would_be_and_writes_nothing(alice: Desk, spaces: Spaces, method: str) -> None:
    """Not in NetBox, not in the ledger, not in the log."""
    prefix, name = spaces.prefix(), key()
    body = {"prefix": prefix, "dns_name": spaces.name()}
    if method == "POST":
        answer = alice.post({"key": name, **body}, "?dry_run=true")
    else:
        answer = alice.put(name, body, "?dry_run=true")
    shown = answer.json()
    assert (answer.status_code, answer.headers["Berth-Dry-Run"]) == (200, "true")
    assert (shown["ip"], shown["netbox_id"], shown["key"]) == (hosts(prefix)[0], None, name)
    assert (spaces.inside(prefix), alice.get(name).status_code) == ([], 404)
    assert alice.list("audit", key=name).json()["items"] == []


def test_a_dry_run_of_what_exists_changes_nothing(alice: Desk, spaces: Spaces) -> None:
    """PUT, DELETE and confirm; each makes every check."""
    prefix, name = spaces.prefix(), key()
    made = alice.put(name, {"prefix": prefix, "hold_seconds": 600})
    changed = alice.put(name, {"prefix": prefix, "description": "new"}, "?dry_run=true")
    confirmed = alice.call("POST", f"/api/v1/allocations/{name}/confirm?dry_run=true")
    deleted = alice.delete(name, "?dry_run=true")
    assert (changed.json()["description"], confirmed.json()["state"], deleted.status_code) == (
        *("new", "active"),
        204,
    )
    assert alice.get(name).content == made.content


def test_a_dry_run_refuses_what_the_write_would_refuse(alice: Desk, spaces: Spaces) -> None:
    """With the same code."""
    prefix = spaces.prefix(length=32)
    alice.made({"key": key(), "prefix": prefix})
    for query in ("?dry_run=true", ""):
        assert refusal(alice.post({"key": key(), "prefix": prefix}, query)) == (409, "prefix_exhausted")
