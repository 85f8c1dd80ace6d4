"""The queue in front of NetBox's allocation lock.

NetBox holds one lock for all allocations, whatever the prefix, so parallel calls gain nothing and fill its
threads; a list pays lock, scan and round trip once. So one call is in flight (a setting), nobody lingers:
a lone request goes at once, and what came in meanwhile is the next batch. Prefixes take turns, and within
a prefix callers do. Two requests with one key never share a list, because NetBox checks a list's claims
before it saves any of them (the same claim twice in one list passes: measured on 4.3.7 and 4.7.3).

Everything here runs in the event loop; between two awaits nothing else does. A batch flies in a context of
its own: it serves many requests and has the deadline of none.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.allocation.seats import Batch, Line, Seat, Seated
from app.allocation.sender import Sender
from app.domain.commands import arrived
from app.domain.errors import OutcomeUnknown, Overloaded
from app.domain.inventory import Draft


@dataclass(frozen=True, slots=True)
class BatchSent:
    """One batch, for whoever counts: its size, its oldest seat's wait, its time (seconds), what is left."""

    size: int
    waited: float
    seconds: float
    left: int


@dataclass(frozen=True, slots=True)
class Limits:
    """`cap` seats in a list, `flights` lists at a time, `queue` seats waiting for `patience` seconds each."""

    cap: int = 50
    flights: int = 1
    queue: int = 1000
    patience: float = 20.0


@dataclass(slots=True)
class Batcher:
    """Gathers requests into batches and sends them, one call in flight."""

    sender: Sender
    clock: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    observe: Callable[[BatchSent], None] = lambda _sent: None
    _lines: dict[tuple[object, ...], dict[str, deque[Seat]]] = field(default_factory=dict)
    _flying: set["asyncio.Task[None]"] = field(default_factory=set)
    _waiting: int = 0
    _launching: bool = False
    _pace: float = 0.1

    @property
    def waiting(self) -> int:
        """Seats in the queue."""
        return self._waiting

    async def take(
        self, line: Line, draft: Draft, *, shared_roles: bool = False, arrival: int | None = None
    ) -> Seated:
        """An address for the draft: created now, or found under the same claim.

        `arrival` is the request's place among those that wait, by default behind all that came so far.

        Raises:
            Overloaded: the queue is full, or so long that this seat's time would be up in it.
            BerthError: NetBox refused, and holds nothing under this claim because of this call.
            OutcomeUnknown: NetBox may hold it, or come to hold it.
        """
        if self._waiting >= self.limits.queue or self._backlog() > self.limits.patience:
            raise Overloaded(retry_after=max(1.0, self._backlog()))
        now = self.clock()
        outcome: asyncio.Future[Seated] = asyncio.get_running_loop().create_future()
        place = arrived() if arrival is None else arrival
        until = now + self.limits.patience
        seat = Seat(line, draft, draft.owner, outcome, now, until, shared_roles, place)
        _insert(self._lines.setdefault(line.turn, {}).setdefault(draft.owner, deque()), seat)
        self._waiting += 1
        self._launch_soon()
        return await outcome

    def _backlog(self) -> float:
        """How long the queue is, in seconds at the recent pace: a list for each prefix at least."""
        lists = max(len(self._lines), self._waiting / self.limits.cap)
        return round(lists * self._pace / self.limits.flights, 1)

    def _launch_soon(self) -> None:
        """When whatever else is ready has run: one commit of the ledger lets many through at once."""
        if not self._launching:
            self._launching = True
            asyncio.get_running_loop().call_soon(self._launch, context=contextvars.Context())

    def _launch(self) -> None:
        self._launching = False
        while self._waiting and len(self._flying) < self.limits.flights:
            batch = self._next()
            if batch is None:
                continue
            flight = asyncio.get_running_loop().create_task(self._fly(batch), context=contextvars.Context())
            self._flying.add(flight)
            flight.add_done_callback(self._landed)

    def _landed(self, flight: "asyncio.Task[None]") -> None:
        self._flying.discard(flight)
        self._launch()

    async def _fly(self, batch: Batch) -> None:
        began = self.clock()
        waited = began - min(seat.queued_at for seat in batch.seats)
        for seat in batch.seats:
            seat.spend("queue", began - seat.queued_at)
        try:
            await self.sender.serve(batch)
        finally:
            took = self.clock() - began
            for seat in batch.seats:
                seat.spend("netbox", took)
            batch.refuse(OutcomeUnknown())  # only whom an unforeseen error left without an outcome
            self._pace = 0.7 * self._pace + 0.3 * took
            self.observe(BatchSent(len(batch.seats), waited, took, self._waiting))

    def _next(self) -> Batch | None:
        """The next line's turn: up to `cap` seats, one from each caller in turn, none of them expired."""
        turn = next(iter(self._lines))
        callers = self._lines.pop(turn)
        seats = self._draw(callers)
        if callers:
            self._lines[turn] = callers
        if not seats:
            return None
        seats.sort(key=lambda seat: seat.arrival)
        return Batch(seats[0].line, tuple(seats))

    def _draw(self, callers: dict[str, deque[Seat]]) -> list[Seat]:
        seats: list[Seat] = []
        seen: set[object] = set()
        held: list[Seat] = []
        while callers and len(seats) < self.limits.cap:
            owner = next(iter(callers))
            queue = callers.pop(owner)
            seat = queue.popleft()
            if queue:
                callers[owner] = queue
            self._admit(seat, seats, seen, held)
        for seat in reversed(held):
            callers.setdefault(seat.caller, deque()).appendleft(seat)
        self._waiting -= len(seats)
        return seats

    def _admit(self, seat: Seat, seats: list[Seat], seen: set[object], held: list[Seat]) -> None:
        """Into the list, or back into the queue if a seat in the list has the same key or address."""
        address = seat.draft.address
        marks: set[object] = {seat.draft.key} | ({address.ip} if address is not None else set())
        if seat.outcome.done() or self.clock() >= seat.expires_at:
            self._waiting -= 1
            seat.refuse(Overloaded(retry_after=max(1.0, self._backlog())))
        elif marks & seen:
            held.append(seat)
        else:
            seen |= marks
            seats.append(seat)


def _insert(queue: deque[Seat], seat: Seat) -> None:
    """In order of arrival; nearly always at the end."""
    index = len(queue)
    while index and queue[index - 1].arrival > seat.arrival:
        index -= 1
    queue.insert(index, seat)
