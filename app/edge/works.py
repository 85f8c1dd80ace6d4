"""Work that the application owns, not the connection.

A client that hangs up, or a deadline that passes, ends the waiting and not the work: the work goes on and
its outcome is found by the client's retry. A process that is told to stop takes no new work and waits for
what it has accepted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TypeVar

import structlog

from app.domain.errors import BerthError, Draining, StillWorking
from app.domain.upstream import UpstreamError
from app.telemetry.logs import make_logger

T = TypeVar("T")

REQUEST_SECONDS: Final = 20.0
DRAIN_SECONDS: Final = 25.0
RETRY_SECONDS: Final = 2.0


class Works:
    """Runs work in tasks of its own.

    `seconds` is how long a request waits for its work; `on_change` is told how much work is in flight.
    `around` makes what each work runs inside of, such as its deadline towards others.
    """

    def __init__(
        self,
        *,
        seconds: float = REQUEST_SECONDS,
        on_change: Callable[[int], None] | None = None,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
        log: structlog.typing.FilteringBoundLogger | None = None,
    ) -> None:
        self._seconds = seconds
        self._on_change = on_change or (lambda _count: None)
        self._around = around
        self._log = log or make_logger()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether new work is refused."""
        return self._draining

    @property
    def in_flight(self) -> int:
        """How much accepted work is not finished."""
        return len(self._tasks)

    async def run(self, work: Coroutine[Any, Any, T], deadline_seconds: float | None = None) -> T:
        """Run the work and return its result, or stop waiting for it when the deadline has passed.

        `asyncio.wait` leaves the task alone when the wait itself is cancelled or times out.

        Raises:
            Draining: the process is stopping; the work was not begun.
            StillWorking: the deadline passed; the work goes on.
        """
        if self._draining:
            work.close()
            raise Draining
        with self._around():  # a task copies the context that it is made in
            task = asyncio.create_task(work)
        self._tasks.add(task)
        self._on_change(len(self._tasks))
        task.add_done_callback(self._finished)
        seconds = self._seconds if deadline_seconds is None else deadline_seconds
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise StillWorking(retry_after=RETRY_SECONDS)
        return task.result()

    async def drain(self, seconds: float = DRAIN_SECONDS) -> int:
        """Refuse new work from now on, wait for what was accepted, and return how much is left."""
        self._draining = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        return len(self._tasks)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._on_change(len(self._tasks))
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, BerthError | UpstreamError):
            self._log.error("work failed", error=type(error).__name__, exc_info=error)
