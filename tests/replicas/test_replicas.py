"""Three Berths that share a ledger keep the promises of one."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.history import Outcome
from tests.faults.load import Load, subjects
from tests.faults.proxy import Fault
from tests.faults.stage import TOKENS, wait
from tests.proven import flaws

if TYPE_CHECKING:
    from tests.faults.history import Call
    from tests.faults.load import Subject
    from tests.faults.stage import Stage
    from tests.postgres import Cluster

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
CLIENTS = 48
AT_ONCE = 0.5
"""Seconds. A connection that a client kept open may end at the very moment at which it is used again."""


def spread(stage: Stage, subject: Subject, times: int, action: str = "POST") -> list[Call]:
    """Make a request so often at once, each time to another replica."""
    replicas = [stage.berths[number % len(stage.berths)] for number in range(times)]
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda berth: stage.ask(action, subject, berth=berth), replicas))


@pytest.mark.parametrize("action", ["POST", "PUT"])
def test_fifty_at_once_with_one_key_on_three_replicas_get_one_address(three: Stage, action: str) -> None:
    """One object, one answer: whoever comes second waits for the first, in whichever process."""
    subject = three.subject()
    calls = spread(three, subject, 50, action)
    assert Counter(call.outcome for call in calls) == {Outcome.OK: 50}, calls
    assert len({call.address for call in calls}) == 1
    assert len(three.rows(subject)) == 1
    evidence = three.verify()
    allocated = [event for event in evidence.events if event.get("decision") == "allocated"]
    assert len(allocated) == 1


def test_random_keys_sent_to_all_of_them_at_once_break_nothing(three: Stage) -> None:
    """One key, one address; the audit logs of the three are one, whole and in order."""
    prefixes = {three.prefix(26): 30, three.prefix(27): 12, three.prefix(29): 10}
    urls = [berth.url for berth in three.berths]
    load = Load(urls, TOKENS, subjects(prefixes, three.run), random.randrange(10**6))  # noqa: S311 - any will do
    load.start(CLIENTS)
    time.sleep(15)
    load.stop()
    three.calls = load.calls
    assert sum(call.outcome is Outcome.OK for call in load.calls) > 300
    assert {call.code for call in load.calls if call.status >= 500} <= {"still_working", "outcome_unknown"}
    evidence = three.verify()
    assert len({event["chain"] for event in evidence.events}) == 3
    assert flaws(three.ledger) == []


def test_what_a_killed_replica_had_begun_another_one_finishes(three: Stage) -> None:
    """Once the time for which the dead one held the key is over; the address is the one that was made."""
    subject = three.subject()
    three.proxy.strike(Fault("slow_before", "POST", delay=3.0))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(three.ask, "POST", subject)
        wait(lambda: bool(three.proxy.struck), lambda: "the call is on its way to NetBox")
        three.kill()
        three.proxy.clear()
        assert first.result().outcome is Outcome.UNKNOWN
    answered = three.insist("POST", subject, berth=three.berths[1])
    assert answered.address
    three.verify()


def test_a_replica_that_was_stopped_for_long_harms_nothing(three: Stage) -> None:
    """The others take up what it was at; when it goes on, the ledger refuses what it still wants to write."""
    subject = three.subject()
    three.proxy.strike(Fault("slow_before", "POST", delay=1.0))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(three.ask, "POST", subject, patience=60.0)
        wait(lambda: bool(three.proxy.struck), lambda: "the call is on its way to NetBox")
        three.berth.send(signal.SIGSTOP)
        try:
            answered = three.insist("POST", subject, berth=three.berths[1])
            released = three.insist("DELETE", subject, berth=three.berths[2])
            again = three.insist("POST", subject, berth=three.berths[1])
        finally:
            three.berth.send(signal.SIGCONT)
        late = first.result()
    assert answered.address
    assert released.outcome is again.outcome is Outcome.OK
    assert late.outcome is Outcome.UNKNOWN or late.address in (answered.address, again.address), late
    assert len(three.rows(subject)) == 1
    three.verify()


def test_replicas_that_are_restarted_one_by_one_break_no_promise(three: Stage) -> None:
    """What waited is answered, under load; a connection ends at once or not at all."""
    prefixes = {three.prefix(26): 30}
    urls = [berth.url for berth in three.berths]
    load = Load(urls, TOKENS, subjects(prefixes, three.run), 7)
    load.start(12)
    for berth in three.berths:
        time.sleep(1)
        assert berth.end(signal.SIGTERM) == 0
        berth.serve()
    load.stop()
    three.calls = load.calls
    unknown = Counter(call.code or call.status for call in load.calls if call.outcome is Outcome.UNKNOWN)
    assert set(unknown) <= {0, "draining", "still_working", "outcome_unknown"}
    cut = [call for call in load.calls if call.outcome is Outcome.UNKNOWN and not call.status]
    assert not [call for call in cut if call.ended - call.started > AT_ONCE], "accepted, and never answered"
    three.verify()


def test_of_three_replicas_one_reconciles_and_another_goes_on_when_it_has_gone(
    three: Stage, cluster: Cluster
) -> None:
    """By the clock of the database, a round or two later."""

    def holder() -> object:
        asked = "SELECT holder FROM leases WHERE name = 'reconcile' AND until > extract(epoch FROM now())"
        rows = cluster.ask(three.ledger, asked)
        return rows[0][0] if rows else None

    wait(lambda: holder() is not None, lambda: "somebody reconciles")
    seen = {holder()}
    for berth in three.berths[:2]:
        berth.end(signal.SIGKILL)
        time.sleep(1.2)  # the time of whoever had it is over
        wait(lambda: holder() is not None, lambda: "somebody goes on")
        seen.add(holder())
    three.berths[2].send(signal.SIGSTOP)
    wait(lambda: holder() is None, lambda: "nobody reconciles")
    three.berths[2].send(signal.SIGCONT)
    wait(lambda: holder() is not None, lambda: "somebody goes on")
    assert holder() in seen
