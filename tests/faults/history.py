"""What clients asked for and were told, and what was left when it was quiet: the evidence of the checker."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.ledger.chain import Flaw


class Outcome(StrEnum):
    """What a client knows of a request when it is over.

    `failed` means that it certainly did nothing: a 4xx, or a connection that was refused. Whatever else is
    no success is `unknown`: it may have been done, or may still be.
    """

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. Times are seconds of one clock.

    `address` is the one that was answered; `absent` says that the answer was that the key stands for
    nothing; `held_until` is set where the answer was a hold, on the same clock. `server` is the URL of the
    Berth that was asked.
    """

    method: str
    key: str
    caller: str
    owner: str
    started: float
    ended: float
    outcome: Outcome
    status: int = 0
    code: str = ""
    address: str = ""
    netbox_id: str = ""
    absent: bool = False
    held_until: float | None = None
    server: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether somebody was told an address, and may be using it."""
        return self.outcome is Outcome.OK and bool(self.address)

    @property
    def releases(self) -> bool:
        """Whether it may have given the key up."""
        return self.method == "DELETE" and self.outcome is not Outcome.FAILED

    @property
    def allocates(self) -> bool:
        """Whether it may have made an allocation."""
        return self.method in ("POST", "PUT") and self.outcome is not Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Held:
    """An address in NetBox that carries a claim."""

    netbox_id: str
    address: str
    key: str
    owner: str


@dataclass(frozen=True, slots=True)
class Change:
    """A line of NetBox's own change log: an address that Berth created, changed or deleted."""

    action: str
    netbox_id: str
    key: str


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Everything that the invariants are checked against, gathered once nothing moves any more.

    `kills` say when Berth was killed, and which of several (its URL); `hosts` every address in NetBox, with a
    claim or without; `events` the audit log; `entries` and `open_operations` what the ledger says.
    """

    calls: list[Call] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    open_operations: list[str] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)

    def latest(self, call: Call) -> float:
        """Return until when a call may have had its effect.

        One whose answer was lost may be done at any later time, but not by a process that has been killed
        since: what such a process left behind is settled before anything else is said about the key.
        """
        if call.outcome is not Outcome.UNKNOWN:
            return call.ended
        ends = (at for at, server in self.kills if at >= call.started and server == call.server)
        return min(ends, default=math.inf)
