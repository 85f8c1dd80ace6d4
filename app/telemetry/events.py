"""The event line of a request: filled in by whoever knows something, written once at its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from app.domain.inventory import Json

MAX_UPSTREAM_IDS = 20
"""How many of NetBox's request ids one line keeps; a batch of a hundred does not need them all."""


@dataclass(slots=True)
class EventLine:
    """What is known so far of one request. Never put a secret, a body or a query string in it."""

    fields: dict[str, Json] = field(default_factory=dict)
    netbox_request_ids: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def spend(self, stage: str, seconds: float) -> None:
        """Add time to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


_line: ContextVar[EventLine | None] = ContextVar("berth_event_line", default=None)


@contextmanager
def event_line() -> Iterator[EventLine]:
    """Open a line for the request that is served in this context, and in the tasks it starts."""
    line = EventLine()
    token = _line.set(line)
    try:
        yield line
    finally:
        _line.reset(token)


@contextmanager
def item_line() -> Iterator[None]:
    """Open a line for one of several items of a request: what is noted of it does not get into the request's.

    The time that it spends, and what it changes in NetBox, are the request's all the same.
    """
    whole = _line.get() or EventLine()
    item = EventLine(netbox_request_ids=whole.netbox_request_ids, seconds=whole.seconds)
    token = _line.set(item)
    try:
        yield
    finally:
        _line.reset(token)


def noted(name: str) -> Json:
    """What has been noted under a name; None if nothing was, and outside of any line."""
    line = _line.get()
    return None if line is None else line.fields.get(name)


def note(**fields: Json) -> None:
    """Add fields to the line of the current request; outside of one, do nothing."""
    line = _line.get()
    if line is not None:
        line.fields.update(fields)


@contextmanager
def stage(name: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    """Count the time inside as a stage of the current request; outside of one, do nothing."""
    began = clock()
    try:
        yield
    finally:
        spend(name, clock() - began)


def spend(name: str, seconds: float) -> None:
    """Count time as a stage of the current request; outside of one, do nothing."""
    timer()(name, seconds)


def timer() -> Callable[[str, float], None]:
    """What counts time for the current request also where others work for it: in a batch, in a thread."""
    line = _line.get()
    return _nowhere if line is None else line.spend


def _nowhere(_stage: str, _seconds: float) -> None:
    pass


def note_netbox_request(request_id: str | None) -> None:
    """Add NetBox's own request id, by which its change log can be searched."""
    line = _line.get()
    if line is None or not request_id or request_id in line.netbox_request_ids:
        return
    if len(line.netbox_request_ids) < MAX_UPSTREAM_IDS:
        line.netbox_request_ids.append(request_id)
