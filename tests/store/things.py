"""What is written in these tests."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from app.ledger.records import Entry, Event, Operation, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.ledger.ports import Tx

ENTRY = Entry(
    key="web",
    owner="alice",
    state=State.PENDING,
    operation="op-1",
    family=4,
    vrf_id=3,
    dns_name="web.example.com",
    name_claim="3/4/web.example.com",
    prefix="10.0.0.0/24",
    netbox_id=7,
    address="10.0.0.7/24",
    sent={"tags": ["b", "a"], "description": "Grüße"},
    mac_address="52:54:00:12:34:56",
    assigned="dcim.interface:12",
    adopted=True,
    hold_seconds=60,
    hold_until=1060.25,
    requested_by="Alice",
    reference="T-1",
    opened_at=1000.25,
    changed_at=1000.5,
)
EVENT = Event(event="intent", action="allocate", time=1000.0, key="web", owner="alice")


class Gate:
    """A work that keeps the writer busy until the test opens it."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, _tx: Tx) -> None:
        """Wait in the writer."""
        self.entered.set()
        self.opened.wait(10)


def keep(*things: Entry | Event | Operation) -> Callable[[Tx], None]:
    """Return the work that writes these down."""

    def work(tx: Tx) -> None:
        for thing in things:
            if isinstance(thing, Entry):
                tx.put(thing)
            elif isinstance(thing, Event):
                tx.append(thing)
            else:
                tx.begin(thing)

    return work


def plain(key: str, state: State = State.DONE, **fields: object) -> Entry:
    """An entry with no more than it must have."""
    bare = Entry(key=key, owner="alice", state=state, operation=f"op-{key}", family=4, prefix="10.0.0.0/24")
    return replace(bare, **fields)  # type: ignore[arg-type]
