"""The checker finds what it is there to find, and accuses nobody of what may have been innocent."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from app.ledger.chain import Head, link, verify
from app.ledger.records import Event
from tests.faults.checker import violations
from tests.faults.history import Call, Change, Evidence, Held, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def call(
    method: str,
    key: str,
    times: tuple[float, float],
    address: str = "",
    **fields: Any,  # noqa: ANN401
) -> Call:
    """A call that succeeded, of alice's."""
    status = {"DELETE": 204}.get(method, 200)
    facts: dict[str, Any] = {
        "method": method,
        "key": key,
        "caller": "alice",
        "owner": "alice",
        "address": address,
        "started": times[0],
        "ended": times[1],
        "outcome": Outcome.OK,
        "status": status,
    }
    return Call(**{**facts, **fields})


def missing(key: str, times: tuple[float, float]) -> Call:
    """A GET that found nothing."""
    return call("GET", key, times, outcome=Outcome.FAILED, status=404, code="not_found", absent=True)


def good() -> Evidence:
    """Two keys were allocated; one was released, and a third got its address."""
    operations = [("allocate", "a"), ("allocate", "b"), ("release", "b"), ("allocate", "c")]
    events = [
        {"event": event, "action": action, "key": key, "operation": f"{number}", "netbox_id": number}
        for number, (action, key) in enumerate(operations)
        for event in ("intent", "outcome")
    ]
    return Evidence(
        calls=[
            call("POST", "a", (0, 1), "10.0.0.1"),
            call("POST", "b", (1, 2), "10.0.0.2"),
            call("DELETE", "b", (3, 4)),
            call("PUT", "c", (5, 6), "10.0.0.2"),
            call("GET", "a", (7, 8), "10.0.0.1"),
        ],
        held=[Held("0", "10.0.0.1", "a", "alice"), Held("3", "10.0.0.2", "c", "alice")],
        hosts=["10.0.0.1", "10.0.0.2", "10.0.0.254"],
        changes=[Change("create", "0", "a"), Change("create", "3", "c")],
        events=events,
        entries=[
            {"key": "a", "state": "done", "netbox_id": 0},
            {"key": "b", "state": "released", "netbox_id": 1},
            {"key": "c", "state": "done", "netbox_id": 3},
        ],
    )


def broken(evidence: Evidence) -> set[str]:
    """The invariants that the checker says are broken."""
    return {name for name, found in violations(evidence).items() if found}


def test_an_honest_history_passes() -> None:
    """Nothing is found where nothing is wrong."""
    assert violations(good()) == {name: [] for name in ("I1", "I2", "I3", "I4", "I5", "I6")}


def _two_rows(evidence: Evidence) -> None:
    evidence.hosts.append("10.0.0.1")


def _two_keys_were_told(evidence: Evidence) -> None:
    evidence.calls.append(call("POST", "d", (9, 10), "10.0.0.1"))


def _stranger_was_told(evidence: Evidence) -> None:
    evidence.calls.append(call("GET", "a", (9, 10), "10.0.0.1", caller="bob"))


def _acknowledgement_lost(evidence: Evidence) -> None:
    evidence.calls.append(call("POST", "d", (9, 10), "10.0.0.9"))


def _release_undone(evidence: Evidence) -> None:
    evidence.calls.append(call("DELETE", "c", (9, 10)))


def _address_changed(evidence: Evidence) -> None:
    evidence.calls.append(call("GET", "a", (4, 5), "10.0.0.8"))


def _vanished(evidence: Evidence) -> None:
    evidence.calls.append(missing("a", (9, 10)))


def _two_objects(evidence: Evidence) -> None:
    evidence.held.append(Held("9", "10.0.0.9", "a", "alice"))


def _no_outcome(evidence: Evidence) -> None:
    evidence.events.append({"event": "intent", "action": "allocate", "key": "d", "operation": "9"})


def _no_intent(evidence: Evidence) -> None:
    evidence.events.append({"event": "outcome", "action": "allocate", "key": "d", "operation": "9"})


def _open(evidence: Evidence) -> None:
    evidence.open_operations.append("9")


def _unrecorded(evidence: Evidence) -> None:
    evidence.changes.append(Change("delete", "77", "d"))


def _tampered(evidence: Evidence) -> None:
    stored, _ = link(Head("chain"), Event(event="intent", action="allocate", time=1.0))
    evidence.flaws.extend(verify([dataclasses.replace(stored, body=stored.body.replace("1.0", "2.0"))]))


def _pending(evidence: Evidence) -> None:
    evidence.entries.append({"key": "d", "state": "pending", "netbox_id": None})


def _forgotten(evidence: Evidence) -> None:
    evidence.entries[0]["state"] = "released"


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (_two_rows, {"I1"}),
        (_two_keys_were_told, {"I1", "I2"}),
        (_stranger_was_told, {"I1"}),
        (_acknowledgement_lost, {"I2"}),
        (_release_undone, {"I2"}),
        (_address_changed, {"I3"}),
        (_vanished, {"I3"}),
        (_two_objects, {"I4", "I6"}),
        (_no_outcome, {"I5"}),
        (_no_intent, {"I5"}),
        (_open, {"I5"}),
        (_unrecorded, {"I5"}),
        (_tampered, {"I5"}),
        (_pending, {"I6"}),
        (_forgotten, {"I6"}),
    ],
)
def test_what_is_wrong_is_found(spoil: Callable[[Evidence], None], names: set[str]) -> None:
    """Each by its invariant."""
    evidence = good()
    spoil(evidence)
    assert broken(evidence) == names


def test_a_release_whose_answer_was_lost_excuses_what_follows() -> None:
    """It may have been done at any time until the process was killed, and not after."""
    evidence = good()
    lost = call("DELETE", "a", (2, 3), outcome=Outcome.UNKNOWN, status=0)
    evidence.calls += [lost, call("GET", "a", (4, 5), "10.0.0.8")]
    assert broken(evidence) == set()
    evidence.calls.append(call("GET", "a", (11, 12), "10.0.0.7"))
    assert broken(evidence) == set()
    evidence.kills.append((6, ""))
    assert broken(evidence) == {"I2", "I3"}


def test_a_hold_that_ended_excuses_what_follows_and_one_that_has_not_does_not() -> None:
    """Nobody confirmed it."""
    evidence = good()
    evidence.calls += [call("POST", "d", (9, 10), "10.0.0.7", held_until=11), missing("d", (12, 13))]
    assert broken(evidence) == set()
    evidence.calls += [call("POST", "e", (9, 10), "10.0.0.6", held_until=15), missing("e", (12, 13))]
    assert broken(evidence) == {"I3"}


def test_calls_that_were_under_way_together_may_have_come_in_any_order() -> None:
    """A release among them excuses either order."""
    evidence = good()
    evidence.calls += [
        call("POST", "d", (9, 12), "10.0.0.2"),
        call("DELETE", "d", (10, 12)),
        call("GET", "c", (9.5, 12), "10.0.0.2"),
        call("DELETE", "c", (9, 12)),
        call("POST", "c", (9, 12), "10.0.0.2"),
    ]
    assert broken(evidence) == set()
