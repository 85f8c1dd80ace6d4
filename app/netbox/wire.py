"""One HTTP exchange with NetBox as values: the question, the reply, and what telemetry is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

from app.domain.inventory import Json
from app.netbox.allowance import Allowance

Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]
Value: TypeAlias = "str | int | list[str] | list[int]"
Row: TypeAlias = "Mapping[str, Json]"


class Lane(Enum):
    """Which slots a call needs."""

    LOCK = "lock"  # takes NetBox's advisory lock
    WRITE = "write"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call to NetBox.

    Attributes:
        path: below `/api/`, with a slash at the end (without it NetBox 4.3 redirects a POST, measured).
        endpoint: the path with `{id}` in place of numbers, for metrics.
        params: the query; a list is a repeated parameter. Never an empty value: NetBox ignores such a
            filter and answers with everything (4.3.7 and 4.7.3, measured).
        limit: of a list, how many rows; no further page is ever fetched by itself.
        etag: sent as If-Match (honoured since NetBox 4.6.0).
        expect: the status of success.
        counts: ask only how many rows there are.
    """

    method: Method
    path: str
    endpoint: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)
    limit: int | None = None
    body: Json = None
    etag: str | None = None
    expect: int = 200
    lane: Lane = Lane.READ
    counts: bool = False

    def __post_init__(self) -> None:
        empty = [name for name, value in self.params.items() if value in ("", [])]
        if empty:
            raise ValueError(f"NetBox ignores an empty filter and answers with everything: {empty}")

    @property
    def writes(self) -> bool:
        """Whether the call may change something."""
        return self.method != "GET"

    @property
    def items(self) -> int:
        """How many objects the body holds."""
        return len(self.body) if isinstance(self.body, list) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. `data` is the decoded body, of a list its rows; None where it was not JSON."""

    status: int
    data: Json = None
    decoded: bool = True
    etag: str | None = None
    request_id: str | None = None
    retry_after: str | None = None
    location: str | None = None
    date: str | None = None
    series: str | None = None
    emulator: bool = False
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sending of a call, or what kept it from being sent: what a counter of calls is given.

    Attributes:
        endpoint: the path with `{id}` in place of numbers: few different values.
        method: GET, POST, PATCH or DELETE.
        outcome: of what was sent: the HTTP status as text, `nonsense` (an answer that is not NetBox's),
            `broken` (no whole answer) or `unreachable` (no connection came about). Of what was not:
            `overloaded` (the queue is full, or too long), `expired` (its time was up in the queue),
            `breaker_open`, `throttled` (NetBox has asked for a longer pause than it can wait) or
            `unsendable` (neither HTTP nor JSON can say it).
        seconds: from sending to the whole answer; None if it was not sent.
    """

    endpoint: str
    method: str
    outcome: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished:
    """One call, finished, with all its attempts: what an observer is given.

    Attributes:
        endpoint: as an attempt's.
        method: as an attempt's.
        status_or_outcome: the last attempt's outcome.
        seconds: from the first attempt to the end.
        lane: which slots it needed.
        queued_seconds: spent waiting for one.
        retried: why it was sent again, for each attempt after the first: unreachable, throttled or broken.
        request_id: NetBox's `X-Request-ID`, by which its change log can be searched.
    """

    endpoint: str
    method: str
    status_or_outcome: str
    seconds: float
    lane: Lane = Lane.READ
    queued_seconds: float = 0.0
    retried: tuple[str, ...] = ()
    request_id: str | None = None
