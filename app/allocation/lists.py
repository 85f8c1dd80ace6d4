"""The queue before what NetBox does without its allocation lock: machines, interfaces, their last change.

One list of a kind is in flight and nobody lingers: what is asked for in one turn of the event loop goes at
once, and what comes in meanwhile is the next list. Two members with one mark (a claim, a name) never share a
list: NetBox 4.3 checks all of a list before it saves any of it, so that the same claim twice passes, and the
same name is a 500 (measured).

A list is all or nothing (4.3.7 and 4.7.3, measured): after a refusal nothing of it was done. So

_serve               one list, then by its outcome:
├── (done)           every member its own
├── _rejected        the bad ones get their own fault, and the rest goes again
├── _halved          where NetBox does not say whose fault it was, or failed over one of them
└── (anything else)  every member the same error

A list flies in a context of its own: it serves many requests and has the deadline of none.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.domain.upstream import (
    ItemFault,
    NotSent,
    PermissionRefused,
    Rejected,
    Unsure,
    Untouched,
    UpstreamError,
)
from app.telemetry.events import timer

M = TypeVar("M")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class _Seat(Generic[M, R]):
    """One member's place. `sent`: it is in a list, so only the list's outcome can tell what became of it.

    `doubtful`: an earlier list that it was in may have been carried out.
    """

    member: M
    outcome: "asyncio.Future[R]"
    queued_at: float
    sent: bool = False
    doubtful: bool = False
    spend: Callable[[str, float], None] = field(default_factory=timer)

    def settle(self, outcome: R | UpstreamError) -> None:
        """Give the member its outcome, unless it has one."""
        if self.outcome.done():
            return
        if self.doubtful and isinstance(outcome, Untouched) and not isinstance(outcome, Rejected):
            outcome = Unsure(f"{outcome}; but an earlier call may have done it")
        if isinstance(outcome, UpstreamError):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class Lists(Generic[M, R]):
    """Sends members of one kind to NetBox in lists, and gives each its own outcome.

    Args:
        send: does a list, all or nothing; gives each member's outcome, in order, or raises for all of them.
        clock: monotonic seconds.
        marks: what no two members of a list may share.
        cap: how many members a list has at most.
        queue: how many members may wait.
    """

    def __init__(
        self,
        send: Callable[[Sequence[M]], Awaitable[Sequence[R | UpstreamError]]],
        clock: Callable[[], float],
        marks: Callable[[M], Iterable[Hashable]] = lambda _: (),
        *,
        cap: int = 50,
        queue: int = 1000,
    ) -> None:
        self._send = send
        self._clock = clock
        self._marks = marks
        self._cap = cap
        self._queue = queue
        self._waiting: deque[_Seat[M, R]] = deque()
        self._flight: asyncio.Task[None] | None = None
        self._pace = 0.1

    async def add(self, member: M, until: float | None = None) -> R:
        """The member's outcome.

        Args:
            member: what to do.
            until: the moment of the caller's deadline on the clock; None without one.

        Raises:
            Rejected: `items` has this member's fault alone, at position 0.
            NotSent: the queue is full, or the deadline passed in it.
            Unsure: the deadline passed while its list was under way; also as every call to NetBox.
            UpstreamError: what the call came to.
        """
        if len(self._waiting) >= self._queue:
            wait = len(self._waiting) / self._cap * self._pace
            raise NotSent(
                "too many calls are waiting for NetBox", retry_after=max(1.0, wait), overloaded=True
            )
        seat: _Seat[M, R] = _Seat(member, asyncio.get_running_loop().create_future(), self._clock())
        seat.outcome.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen by somebody
        self._waiting.append(seat)
        self._launch()
        try:
            async with asyncio.timeout(None if until is None else until - self._clock()):
                return await asyncio.shield(seat.outcome)
        except TimeoutError:
            if seat.sent:
                raise Unsure("NetBox did not answer in time") from None
            raise NotSent("the time of this call was up before its turn came") from None
        finally:
            if not seat.sent:  # whoever gives up in the queue is not sent
                self._waiting.remove(seat)

    def _launch(self) -> None:
        if self._waiting and self._flight is None:
            flight = asyncio.get_running_loop().create_task(self._fly(), context=contextvars.Context())
            self._flight = flight
            flight.add_done_callback(self._landed)

    def _landed(self, _flight: "asyncio.Task[None]") -> None:
        self._flight = None
        self._launch()

    async def _fly(self) -> None:
        seats = self._next()
        began = self._clock()
        for seat in seats:
            seat.spend("queue", began - seat.queued_at)
        try:
            await self._serve(seats)
        finally:
            took = self._clock() - began
            self._pace = 0.7 * self._pace + 0.3 * took
            for seat in seats:
                seat.spend("netbox", took)
                seat.settle(Unsure("it is not known what became of it"))  # left by an unforeseen error

    def _next(self) -> list[_Seat[M, R]]:
        """The next list, in order of arrival; whoever shares a mark with an earlier one waits for another."""
        seats: list[_Seat[M, R]] = []
        held: list[_Seat[M, R]] = []
        seen: set[Hashable] = set()
        while self._waiting and len(seats) < self._cap:
            seat = self._waiting.popleft()
            marks = set(self._marks(seat.member))
            seat.sent = not marks & seen
            (seats if seat.sent else held).append(seat)
            seen |= marks
        self._waiting.extendleft(reversed(held))
        return seats

    async def _serve(self, seats: Sequence[_Seat[M, R]]) -> None:
        try:
            outcomes = await self._send([seat.member for seat in seats])
        except Rejected as error:
            await self._rejected(seats, error)
        except PermissionRefused as error:
            await self._halved(seats, error)
        except Unsure as error:
            for seat in seats:
                seat.doubtful = True
            await self._halved(seats, error) if error.server_error else _settle_all(seats, error)
        except UpstreamError as error:
            _settle_all(seats, error)
        else:
            for seat, outcome in zip(seats, outcomes, strict=True):
                seat.settle(outcome)

    async def _rejected(self, seats: Sequence[_Seat[M, R]], error: Rejected) -> None:
        """Refuse those that NetBox named; nothing was done of the others, so they go again."""
        faults = {seats[index]: fault for index, fault in error.items.items() if index < len(seats)}
        if not faults:
            await self._halved(seats, error)
            return
        for seat, fault in faults.items():
            seat.settle(Rejected(_said(fault), {0: fault}))
        rest = [seat for seat in seats if seat not in faults]
        if rest:
            await self._serve(rest)

    async def _halved(self, seats: Sequence[_Seat[M, R]], error: UpstreamError) -> None:
        """Send again in halves, until one member is left to blame.

        A 500 was rolled back, too; should one come after the commit, the claims keep the second attempt
        from making anything twice.
        """
        if len(seats) == 1:
            _settle_all(seats, error)
            return
        middle = (len(seats) + 1) // 2
        await self._serve(seats[:middle])
        await self._serve(seats[middle:])


def _settle_all(seats: Iterable[_Seat[M, R]], error: UpstreamError) -> None:
    for seat in seats:
        seat.settle(error)


def _said(fault: ItemFault) -> str:
    return "; ".join(fault.messages.values())
