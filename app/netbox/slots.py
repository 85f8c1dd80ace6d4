"""A number of slots with a bounded queue before them."""

import asyncio
from collections.abc import Callable
from typing import Final

from app.domain.upstream import NotSent

_WEIGHT: Final = 0.2
_FIRST_GUESS: Final = 0.1
_TOO_LATE: Final = "the time of this call was up before its turn came"


class Expired(NotSent):
    """The caller's time was up while the call was still waiting."""


class Slots:
    """Lets so many calls through at once, the others in order of arrival.

    `seconds` is the recent duration of a call (exponentially weighted), from which the time that a newcomer
    would wait is estimated.
    """

    def __init__(self, slots: int, queue: int, clock: Callable[[], float]) -> None:
        self._free = asyncio.Semaphore(slots)
        self._slots = slots
        self._queue = queue
        self._clock = clock
        self.waiting = 0
        self.seconds = _FIRST_GUESS

    @property
    def expected_wait(self) -> float:
        """How long a newcomer would wait, in seconds: queue length times recent duration."""
        return (self.waiting + 1) * self.seconds / self._slots

    async def take(self, until: float | None) -> None:
        """Wait for a slot.

        Raises:
            NotSent: the queue is full, or so long that the deadline would pass in it (`overloaded`, with the
                expected wait as `retry_after`).
            Expired: the deadline passed first.
        """
        wait = self.expected_wait if self._free.locked() else 0.0
        too_late = until is not None and wait > until - self._clock()
        if self._free.locked() and (self.waiting >= self._queue or too_late):
            message = "too many calls are waiting for NetBox"
            raise NotSent(message, retry_after=max(1.0, wait), overloaded=True)
        self.waiting += 1
        try:
            async with asyncio.timeout(None if until is None else until - self._clock()):
                await self._free.acquire()
        except TimeoutError:
            raise Expired(_TOO_LATE) from None
        finally:
            self.waiting -= 1
        if until is not None and self._clock() >= until:
            self._free.release()
            raise Expired(_TOO_LATE)

    def give(self, seconds: float) -> None:
        """Free a slot after a call that took this long."""
        self.seconds += _WEIGHT * (seconds - self.seconds)
        self._free.release()
