"""Until when an answer is worth having.

The deadline travels in a context variable, so that no port needs an argument for it. A task copies the
context it is made in: **a task that outlives its request or serves several of them must be made in a
fresh context** (`contextvars.Context()`) or enter `within(None)`, else it inherits one request's deadline.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("netbox_deadline", default=None)


@contextmanager
def within(seconds: float | None, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Give the calls made inside this many seconds; None lifts a deadline that was inherited.

    What is still queued when the time is up is not sent (`NotSent`); what was sent already is `Unsure`.
    `clock` must be the one that NetBox was connected with.
    """
    mark = _deadline.set(None if seconds is None else clock() + seconds)
    try:
        yield
    finally:
        _deadline.reset(mark)


def current() -> float | None:
    """The moment of the deadline on the monotonic clock, None without one."""
    return _deadline.get()
