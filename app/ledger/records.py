"""What the ledger writes down."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.inventory import Json


class State(StrEnum):
    """Where a key stands.

    pending → done → releasing → released, and pending → failed. `releasing` leads only to `released`.
    `failed` is a pending operation whose object was not found for three minutes: should that object turn
    up after all, it is freed. Whatever NetBox refused outright leaves no entry behind.
    """

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    RELEASING = "releasing"
    RELEASED = "released"


LIVE = frozenset({State.PENDING, State.DONE, State.RELEASING})
"""States in which a key, its DNS name and its NetBox object are spoken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key.

    `prefix` is the text that identifies where the address was asked from, as sent; `sent` holds the fields
    of the last successful write. `dns_name` is in lower case; `name_claim` is what has to be unique among
    live entries, None where the policy lets names repeat. `assigned` is the interface that Berth itself bound
    the address to (`dcim.interface:12`); while it is being moved also the one before, after a space.
    `adopted`: the address of this `netbox_id` was there, without a claim, before Berth. `space` is the prefix
    that it counts in, and `credential` the API key or token that it was made with. Times are seconds
    since the epoch, UTC.
    """

    key: str
    owner: str
    state: State
    operation: str
    family: int
    vrf_id: int | None = None
    dns_name: str = ""
    name_claim: str | None = None
    prefix: str = ""
    netbox_id: int | None = None
    address: str | None = None
    sent: Mapping[str, Json] = field(default_factory=dict)
    mac_address: str | None = None
    assigned: str | None = None
    adopted: bool = False
    hold_seconds: int | None = None
    hold_until: float | None = None
    requested_by: str | None = None
    reference: str | None = None
    opened_at: float = 0.0
    changed_at: float = 0.0
    space: str = ""
    credential: str = ""

    @property
    def live(self) -> bool:
        """Whether the key, its name and its object are spoken for."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that an entry may get (in lower case), with its claim."""

    dns_name: str
    claim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A mutation that was begun: it has an intent in the audit log and, once `outcome` is set, an outcome."""

    id: str
    key: str
    action: str
    started_at: float
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit log, before it is chained.

    `event` is intent, outcome, denied or note; `decision` says what was decided, `reason` why (the code of
    a refusal). `credential` is the id of what the caller showed, if that has one. `duration` is in
    seconds. Empty fields are left out of the record.
    """

    event: str
    action: str
    time: float
    key: str = ""
    operation: str = ""
    request_id: str = ""
    owner: str = ""
    method: str = ""
    credential: str = ""
    client_address: str = ""
    prefix: str = ""
    name: str = ""
    fingerprint: str = ""
    policy: str = ""
    decision: str = ""
    reason: str = ""
    netbox_id: int | None = None
    address: str = ""
    netbox_request_id: str = ""
    requested_by: str = ""
    reference: str = ""
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, `until` excluded, in seconds since the epoch; and from which end its lines are read."""

    since: float = 0.0
    until: float = math.inf
    newest_first: bool = False


EVER: Final = Span()


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """One line of the audit log as it is stored: its place in its chain and its canonical JSON."""

    chain: str
    sequence: int
    body: str
    previous: str
    hash: str
