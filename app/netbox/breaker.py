"""Two small instruments: a circuit breaker and a budget for retries. Neither knows what a call is."""

from collections.abc import Callable
from enum import Enum


class State(Enum):
    """How a circuit breaker stands; the value is for a gauge."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens after several failures in a row; after a while lets one call through to see.

    Only outages count as failures: a 4xx is an answer, and so is a 500 that names its exception.
    """

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """How it stands now."""
        if self._opened is None:
            return State.CLOSED
        return State.HALF_OPEN if self._probing or self._remaining() <= 0 else State.OPEN

    def enter(self) -> float:
        """Ask to send a call: 0.0 for yes, else in how many seconds it is worth asking again."""
        if self._opened is None:
            return 0.0
        remaining = self._remaining()
        if remaining > 0 or self._probing:
            return max(remaining, 1.0)
        self._probing = True
        return 0.0

    def leave(self, *, outage: bool) -> None:
        """Report how a call that was let in has ended."""
        self._probing = False
        if not outage:
            self._failures, self._opened = 0, None
            return
        self._failures += 1
        if self._opened is not None or self._failures >= self._limit:
            self._opened = self._clock()

    def _remaining(self) -> float:
        return 0.0 if self._opened is None else self._opened + self._seconds - self._clock()


class Budget:
    """Allows a share of the calls to be sent again, and saves up a handful of retries at most."""

    def __init__(self, share: float, saved: float = 5.0) -> None:
        self._share = share
        self._saved = saved
        self._balance = 0.0

    def earn(self) -> None:
        """Count a call."""
        self._balance = min(self._balance + self._share, self._saved)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        if self._balance < 1.0 - 1e-9:  # five times 0.2 must make one
            return False
        self._balance -= 1.0
        return True
