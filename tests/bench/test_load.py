"""The load: what it counts, and a short run of each kind against the embedded NetBox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app.emulator import SEED_TOKEN, create_app, running
from tools.bench.load import Record, make
from tools.bench.netbox import Place
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


def test_a_place_is_a_network_of_16_bits() -> None:
    """Room for thirty thousand addresses and what is allocated besides."""
    assert Place("x", "10.201.0.0", 5).prefix == "10.201.0.0/16"
