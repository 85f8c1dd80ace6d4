"""What was flipped, dropped or reordered in the audit log shows."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.ledger.chain import GENESIS, Head, canonical, digest, link, verify
from app.ledger.records import ChainedEvent, Event

EVENT = Event(event="intent", action="allocate", time=1.5, key="wéb", owner="alice")


def chain(name: str, length: int) -> list[ChainedEvent]:
    """A chain that holds."""
    head, records = Head(name), []
    for number in range(length):
        record, head = link(head, replace(EVENT, key=f"k{number}"))
        records.append(record)
    return records


def test_a_record_holds_what_is_set_in_one_form() -> None:
    """Sorted, without white space, without empty fields; its hash follows from the one before it."""
    record, head = link(Head("c", 4, "ab" * 32), EVENT)
    assert record.body == (
        '{"action":"allocate","chain":"c","event":"intent","key":"wéb","owner":"alice",'
        '"sequence":4,"time":1.5,"version":3}'
    )
    assert record.previous == "ab" * 32
    assert record.hash == digest("ab" * 32, record.body) == head.hash
    assert (head.sequence, Head("c").hash) == (5, GENESIS)


def test_chains_that_hold_have_no_flaw() -> None:
    """Also side by side: every process start begins one."""
    one, two = chain("one", 3), chain("two", 2)
    assert list(verify([*one, *two])) == []
    assert list(verify([one[0], two[0], one[1], two[1], one[2]])) == []


def _flip(records: list[ChainedEvent]) -> list[ChainedEvent]:
    return [records[0], replace(records[1], body=records[1].body.replace("k1", "kx")), *records[2:]]


def _forge(records: list[ChainedEvent]) -> list[ChainedEvent]:
    """Change a record and give it a hash that fits."""
    body = records[1].body.replace("k1", "kx")
    return [records[0], replace(records[1], body=body, hash=digest(records[1].previous, body)), *records[2:]]


def _move(records: list[ChainedEvent]) -> list[ChainedEvent]:
    """Put another place's text under this one, with a hash that fits."""
    body = canonical({**json.loads(records[1].body), "sequence": 7})
    return [records[0], replace(records[1], body=body, hash=digest(records[1].previous, body))]


@pytest.mark.parametrize(
    ("spoil", "flaws"),
    [
        (_flip, [("tampered", 1)]),
        (_forge, [("tampered", 2)]),
        (_move, [("tampered", 1)]),
        (lambda r: [r[0], r[2], r[3]], [("incomplete", 2)]),
        (lambda r: r[1:], [("incomplete", 1)]),
        (lambda r: [r[0], r[2], r[1], r[3]], [("incomplete", 2), ("tampered", 1), ("incomplete", 3)]),
        (lambda r: [r[0], r[1], r[1], r[2]], [("tampered", 1)]),
        (lambda r: r[:3], []),
    ],
    ids=[
        "flipped",
        "forged",
        "moved",
        "one dropped",
        "the first dropped",
        "reordered",
        "repeated",
        "tail cut",
    ],
)
def test_a_flaw_is_found(
    spoil: Callable[[list[ChainedEvent]], list[ChainedEvent]], flaws: list[tuple[str, int]]
) -> None:
    """All but a tail that was cut, which a chain alone cannot show."""
    assert [(flaw.kind, flaw.sequence) for flaw in verify(spoil(chain("c", 4)))] == flaws
