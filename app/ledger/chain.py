"""The hash chain of the audit log: what was flipped, dropped or reordered shows.

Every process start begins a chain of its own. A record's hash is SHA-256 over the hash before it and the
record's canonical JSON. A record that stands in the log after one of another chain names that one's hash
under `after`: so the chains of several processes, which write in between each other, keep their places
(since version 3; before, only the first record of a chain did so, which is all that one process needs). A
chain does not show that its tail was cut.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from app.ledger.records import ChainedEvent, Event

VERSION = 3
ANCHORED_SINCE = 2
WOVEN_SINCE = 3
GENESIS = "0" * 64
_FIELDS = tuple(field.name for field in fields(Event))
_write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the hash of its last record, and the sequence number the next one gets."""

    chain: str
    sequence: int = 0
    hash: str = GENESIS


def canonical(value: object) -> str:
    """JSON with sorted keys and no white space: the same value always gives the same text."""
    return _write(value)


def digest(previous: str, body: str) -> str:
    """The hash of a record with this body after that hash."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def link(head: Head, event: Event, after: str = "") -> tuple[ChainedEvent, Head]:
    """Chain an event to the head; returns its stored form and the new head.

    `after` is for a record that does not stand right after its own chain's last one: the hash of the log's
    last record, `GENESIS` in an empty log.
    """
    told = {name: value for name in _FIELDS if (value := getattr(event, name)) not in ("", None)}
    if after:
        told["after"] = after
    body = canonical({"version": VERSION, "chain": head.chain, "sequence": head.sequence, **told})
    own = digest(head.hash, body)
    stored = ChainedEvent(head.chain, head.sequence, body, head.hash, own)
    return stored, Head(head.chain, head.sequence + 1, own)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where a chain does not hold; `kind` is `tampered` or `incomplete`."""

    kind: str
    chain: str
    sequence: int
    detail: str


def verify(records: Iterable[ChainedEvent]) -> Iterator[Flaw]:
    """Every flaw of the chains, in the order of the records, which are read chain by chain."""
    heads: dict[str, Head] = {}
    for record in records:
        head = heads.get(record.chain, Head(record.chain))
        yield from _flaws(head, record)
        heads[record.chain] = Head(record.chain, record.sequence + 1, record.hash)


def _flaws(head: Head, record: ChainedEvent) -> Iterator[Flaw]:
    place = (record.chain, record.sequence)
    if record.sequence > head.sequence:
        yield Flaw("incomplete", *place, f"records {head.sequence} to {record.sequence - 1} are missing")
    elif record.sequence < head.sequence:
        yield Flaw("tampered", *place, f"stands where record {head.sequence} belongs")
    elif record.previous != head.hash:
        yield Flaw("tampered", *place, "does not follow from the record before it")
    if digest(record.previous, record.body) != record.hash:
        yield Flaw("tampered", *place, "its text does not fit its hash")
    elif _place(record.body) != place:
        yield Flaw("tampered", *place, "its text belongs to another place")


def _place(body: str) -> tuple[object, object]:
    try:
        fields = json.loads(body)
    except ValueError:
        return None, None
    return (fields.get("chain"), fields.get("sequence")) if isinstance(fields, dict) else (None, None)
