"""Every way in which a call to NetBox can break, for every kind of write: done once, recorded, settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.history import Outcome
from tests.faults.proxy import Fault

if TYPE_CHECKING:
    from tests.faults.load import Subject
    from tests.faults.stage import Stage

pytestmark = pytest.mark.faults

WRITES = {
    "allocate": ("POST", "POST", "*/available-ips/"),
    "update": ("PUT", "PATCH", "/api/ipam/ip-addresses/*"),
    "release": ("DELETE", "DELETE", "/api/ipam/ip-addresses/*"),
}
"""What a client does, and the call to NetBox by which it is done."""
LATER, NEVER_THERE = 3.0, 7.0
"""Seconds: longer than Berth waits for a call, and longer than it doubts."""
BREAKS: dict[str, dict[str, Any]] = {
    "closed before it was sent": {"kind": "before"},
    "reset before it was sent": {"kind": "reset_before"},
    "closed after the commit": {"kind": "after"},
    "reset after the commit": {"kind": "reset_after"},
    "half an answer": {"kind": "half"},
    "an answer that trickles": {"kind": "trickle", "delay": LATER},
    "an answer that is late": {"kind": "slow_after", "delay": LATER},
    "a commit that is late": {"kind": "slow_before", "delay": LATER},
    "a commit after it was given up": {"kind": "slow_before", "delay": NEVER_THERE},
    "429": {"kind": "answer", "status": 429, "headers": {"Retry-After": "1"}},
    "502": {"kind": "answer", "status": 502},
    "503": {"kind": "answer", "status": 503},
    "504": {"kind": "answer", "status": 504},
    "500 after the commit": {"kind": "answer_after", "status": 500},
    "502 after the commit": {"kind": "answer_after", "status": 502},
    "504 after the commit": {"kind": "answer_after", "status": 504},
}


def begin(stage: Stage, write: str) -> Subject:
    """Return a subject that is ready for the write."""
    subject = stage.subject()
    if write != "allocate":
        stage.insist("POST", subject)
    return subject


def words(write: str) -> dict[str, Any]:
    """Return what the request says beside its key."""
    return {"body": {"description": "changed"}} if write == "update" else {}


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize("write", WRITES)
def test_whatever_breaks_a_write_is_done_once(stage: Stage, write: str, what: str, times: int) -> None:
    """I1 to I6: whether it broke before NetBox had it or after, once or again and again."""
    action, method, path = WRITES[write]
    subject = begin(stage, write)
    stage.proxy.clear()
    stage.proxy.strike(Fault(**BREAKS[what], method=method, path=path, times=times))
    stage.ask(action, subject, **words(write))
    assert sum(stage.proxy.struck.values()) >= 1, "the fault never struck"
    done = stage.insist(action, subject, **words(write))
    stage.verify()
    rows = stage.rows(subject)
    if write == "release":
        assert rows == []
        return
    assert [str(row["id"]) for row in rows] == [done.netbox_id]
    assert rows[0]["description"] == ("changed" if write == "update" else "")


@pytest.mark.parametrize("write", WRITES)
def test_a_netbox_that_is_not_there_gets_nothing_and_is_asked_again_when_it_is_back(
    stage: Stage, write: str
) -> None:
    """Connections are refused: the answer is a 503 in time, and nothing has happened."""
    action, _, _ = WRITES[write]
    subject = begin(stage, write)
    before = [row["last_updated"] for row in stage.rows(subject)]
    stage.proxy.refuse()
    call = stage.ask(action, subject, **words(write))
    assert (call.status, call.outcome) == (503, Outcome.UNKNOWN), call
    assert call.ended - call.started < 7
    assert [row["last_updated"] for row in stage.rows(subject)] == before
    stage.proxy.listen()
    stage.insist(action, subject, **words(write))
    stage.verify()
    assert len(stage.rows(subject)) == (0 if write == "release" else 1)
