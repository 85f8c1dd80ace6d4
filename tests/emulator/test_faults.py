"""Faults on demand: what each of them does to a call, and how the calls are counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.client import ADDRESSES, PREFIXES, at_once

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

ALLOCATION = {"method": "POST", "path": "/api/ipam/prefixes/*/available-ips/"}


def control(emulator: NetBox, method: str, route: str, data: Any = None) -> Any:  # noqa: ANN401 - JSON
    """Use the control route."""
    response = requests.request(method, f"{emulator.url}/_emulator/{route}", json=data, timeout=10)
    assert response.status_code == 200, response.text
    return response.json()


def strike(emulator: NetBox, kind: str, **fields: object) -> None:
    """Set one fault for allocations."""
    control(emulator, "PUT", "faults", {"kind": kind, **ALLOCATION, **fields})


def held(emulator: NetBox, prefix: Row) -> int:
    """Return how many addresses a prefix holds."""
    return len(emulator.found(ADDRESSES, parent=prefix["prefix"]))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_keeps_the_call_from_being_handled(emulator: NetBox, status: int) -> None:
    """HTML, as a proxy in front of NetBox would answer."""
    prefix = emulator.prefix()
    strike(emulator, "error", status=status, times=1)
    response = emulator.allocate(prefix, {})
    assert (response.status_code, held(emulator, prefix)) == (status, 0)
    assert response.headers["Content-Type"].startswith("text/html")
    assert emulator.allocate(prefix, {}).status_code == 201


def test_an_error_can_follow_the_commit(emulator: NetBox) -> None:
    """The address is there all the same."""
    prefix = emulator.prefix()
    strike(emulator, "error_after", times=1)
    assert (emulator.allocate(prefix, {}).status_code, held(emulator, prefix)) == (502, 1)


def test_an_answer_can_be_lost_after_the_commit(emulator: NetBox) -> None:
    """The connection is closed; the address is there."""
    prefix = emulator.prefix()
    strike(emulator, "answer_lost", times=1)
    with pytest.raises(requests.ConnectionError):
        emulator.allocate(prefix, {})
    assert held(emulator, prefix) == 1


def test_a_server_that_is_down_does_nothing(emulator: NetBox) -> None:
    """Every connection is closed until the faults are cleared."""
    prefix = emulator.prefix()
    control(emulator, "PUT", "faults", {"kind": "down"})
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            emulator.allocate(prefix, {})
    control(emulator, "DELETE", "faults")
    assert held(emulator, prefix) == 0


def test_a_call_can_be_throttled(emulator: NetBox) -> None:
    """429 with Retry-After."""
    strike(emulator, "throttled", retry_after=7)
    response = emulator.allocate(emulator.prefix(), {})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_a_token_can_seem_expired(emulator: NetBox) -> None:
    """The answer that NetBox gives."""
    strike(emulator, "token_expired")
    response = emulator.allocate(emulator.prefix(), {})
    assert (response.status_code, response.json()) == (403, {"detail": "Token expired"})


@pytest.mark.parametrize("kind", ["slow", "slow_after", "hold"])
def test_a_client_that_gives_up_does_not_stop_the_server(emulator: NetBox, kind: str) -> None:
    """The address is committed after its client has gone."""
    prefix = emulator.prefix()
    strike(emulator, kind, delay=0.3, times=1)
    with pytest.raises(requests.Timeout):
        emulator.allocate(prefix, {}, timeout=0.05)
    deadline = time.monotonic() + 5
    while not held(emulator, prefix) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert held(emulator, prefix) == 1


def test_calls_that_hold_the_lock_queue_and_others_pass(emulator: NetBox) -> None:
    """Four allocations of 50 ms take 200; a read does not wait for them."""
    prefix = emulator.prefix()
    strike(emulator, "hold", delay=0.03, per_item=0.02)
    began = time.monotonic()
    at_once(4, lambda _: emulator.allocate(prefix, {}))
    assert time.monotonic() - began > 0.19
    began = time.monotonic()
    emulator.get("status")
    assert time.monotonic() - began < 0.15


def test_faults_strike_by_count_and_pattern(emulator: NetBox) -> None:
    """``skip`` lets calls pass, ``times`` ends it, other calls are spared."""
    prefix = emulator.prefix()
    strike(emulator, "error", skip=1, times=2)
    codes = [emulator.allocate(prefix, {}).status_code for _ in range(4)]
    assert codes == [201, 500, 500, 201]
    assert emulator.get(PREFIXES).status_code == 200


def test_several_faults_strike_one_after_the_other(emulator: NetBox) -> None:
    """The first that matches, alone; POST adds, GET shows what is left."""
    control(emulator, "PUT", "faults", {"kind": "error", "times": 1, **ALLOCATION})
    control(emulator, "POST", "faults", [{"kind": "error", "status": 503, "times": 1, **ALLOCATION}])
    prefix = emulator.prefix()
    assert [emulator.allocate(prefix, {}).status_code for _ in range(3)] == [500, 503, 201]
    assert [fault["times"] for fault in control(emulator, "GET", "faults")] == [0, 0]


@pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "down", "colour": "red"}, 7])
def test_a_fault_that_is_none_is_refused(emulator: NetBox, fault: object) -> None:
    """400, with what there is."""
    response = requests.put(f"{emulator.url}/_emulator/faults", json=fault, timeout=10)
    assert response.status_code == 400


def test_calls_are_counted_by_template(emulator: NetBox) -> None:
    """With the objects in their bodies, and how many were in progress at once."""
    prefix = emulator.prefix()
    control(emulator, "DELETE", "requests")
    strike(emulator, "hold", delay=0.05)
    at_once(3, lambda _: emulator.allocate(prefix, [{}, {}]))
    emulator.get(f"{PREFIXES}/{prefix['id']}")
    seen = control(emulator, "GET", "requests")
    name = "POST /api/ipam/prefixes/{id}/available-ips/"
    assert (seen["counts"][name], seen["items"][name], seen["peaks"][name]) == (3, 6, 3)
    assert seen["counts"]["GET /api/ipam/prefixes/{id}/"] == 1
