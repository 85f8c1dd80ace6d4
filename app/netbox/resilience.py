"""What stands between many callers and one NetBox: slots, queue, retries, breaker, pause, token.

A call passes through methods whose names narrow: `ask` (queues for a slot, in the caller's task), `_own`
(holds the slot, in a task of its own), `_attempts` (retries), `_once` (pause and breaker), `_with_token`,
`_judged` (the wire).

**Who holds a slot.** A call that was sent occupies NetBox until it is finished, whether or not somebody
still waits for it (abandoned POSTs commit: 5 of 5, measured). So the slot belongs to the call and not to
the caller: when the caller's deadline passes, or the caller is cancelled, the call goes on, and its slot is
free only when its answer or its own timeout has come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from app.domain.errors import NetBoxNonsense
from app.domain.upstream import NotSent, TokenRefused, Unsure, Untouched, UpstreamError
from app.netbox import deadline
from app.netbox.allowance import Allowance
from app.netbox.breaker import Breaker, Budget, State
from app.netbox.classify import Outage, Throttled, Unreachable, judge
from app.netbox.client import TokenSource
from app.netbox.settings import NetBoxSettings
from app.netbox.slots import Expired, Slots
from app.netbox.wire import Attempt, CallFinished, Lane, Question, Reply
from app.telemetry.events import note_netbox_request, spend, stage

_FIRST_BACKOFF: Final = 0.2
_LONGEST_BACKOFF: Final = 2.0
_BETWEEN_REFRESHES: Final = 5.0


class BreakerOpen(NotSent):
    """NetBox failed several times in a row and is left alone for a moment."""


class Paused(NotSent):
    """NetBox, or a gateway before it, asked everybody to wait, for longer than this call can."""


class Wire(Protocol):
    """What sends one question and brings its reply."""

    async def call(self, question: Question, token: str) -> Reply:
        """Send it; raises `Unreachable` or `Outage` when no reply came."""
        ...


@dataclass(frozen=True, kw_only=True)
class World:
    """Time, waiting, chance, and who watches: passed in, so that a test needs none of them.

    `clock` is monotonic, in seconds; `random` gives 0.0 to 1.0; `observe` is given every finished call,
    `attempted` every time that one was sent, or was not.
    """

    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    observe: Callable[[CallFinished], None]
    attempted: Callable[[Attempt], None] = lambda _: None


@dataclass
class _Journal:
    """What is to be told of a call when it is over."""

    until: float | None
    queued: float = 0.0
    reasons: list[str] = field(default_factory=list)
    status: int | None = None
    request_id: str | None = None


class Line:
    """The way to NetBox that everything in this room takes."""

    def __init__(self, wire: Wire, tokens: TokenSource, settings: NetBoxSettings, world: World) -> None:
        self._wire = wire
        self._tokens = tokens
        self._settings = settings
        self._world = world
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_seconds, world.clock)
        self._budget = Budget(settings.retry_share)
        sizes = {
            Lane.LOCK: settings.lock_slots,
            Lane.WRITE: settings.write_slots,
            Lane.READ: settings.read_slots,
        }
        self._slots = {lane: Slots(size, settings.queue, world.clock) for lane, size in sizes.items()}
        self._calls: set[asyncio.Task[Reply]] = set()
        self._quiet_until = 0.0
        self._refreshing = asyncio.Lock()
        self._refreshed = -_BETWEEN_REFRESHES
        self.series: tuple[int, ...] | None = None
        self.allowance: Allowance | None = None

    @property
    def clock(self) -> Callable[[], float]:
        """The clock that deadlines are measured by."""
        return self._world.clock

    @property
    def takes_messages(self) -> bool:
        """Whether NetBox keeps `changelog_message` (since 4.4.0); supposed until an answer says otherwise."""
        return self.series is None or self.series >= (4, 4)

    @property
    def breaker(self) -> State:
        """How the circuit breaker stands."""
        return self._breaker.state

    @property
    def waiting(self) -> dict[Lane, int]:
        """How many calls wait for each kind of slot."""
        return {lane: slots.waiting for lane, slots in self._slots.items()}

    async def ask(self, question: Question) -> Reply:
        """Put the question to NetBox and return its reply if it is the success that was expected.

        Raises:
            app.domain.upstream.UpstreamError: one of `app.domain.upstream`.
            NetBoxNonsense: a read was answered with something that is not NetBox's.
        """
        journal = _Journal(until=deadline.current())
        slots = self._slots[question.lane]
        asked = self._world.clock()
        try:
            await slots.take(journal.until)
        except NotSent as error:
            journal.queued = self._world.clock() - asked
            self._tell(question, journal, error, 0.0)
            raise
        journal.queued = self._world.clock() - asked
        spend("queue", journal.queued)
        call = asyncio.create_task(self._own(question, journal, slots))
        self._calls.add(call)
        call.add_done_callback(self._forget)
        with stage("netbox", self._world.clock):
            reply = await self._answer(call, journal.until)
        if question.writes:
            note_netbox_request(reply.request_id)
        return reply

    def _forget(self, call: asyncio.Task[Reply]) -> None:
        self._calls.discard(call)
        _ = call.cancelled() or call.exception()  # seen, even where nobody waits any more

    async def _answer(self, call: asyncio.Task[Reply], until: float | None) -> Reply:
        """Wait for the call no longer than the caller can; the call itself goes on."""
        remaining = None if until is None else max(0.0, until - self._world.clock())
        done, _ = await asyncio.wait({call}, timeout=remaining)
        if not done:
            raise Unsure("NetBox did not answer in time")
        return call.result()

    async def _own(self, question: Question, journal: _Journal, slots: Slots) -> Reply:
        began = self._world.clock()
        failure: Exception | None = None
        try:
            return await self._attempts(question, journal)
        except Exception as error:
            failure = error
            raise
        finally:
            seconds = self._world.clock() - began
            slots.give(seconds)
            self._tell(question, journal, failure, seconds)

    async def _attempts(self, question: Question, journal: _Journal) -> Reply:
        """Try again what certainly never reached NetBox, and reads, within budget and deadline."""
        self._budget.earn()
        while True:
            try:
                return await self._once(question, journal)
            except (Unreachable, Throttled, Unsure) as error:
                pause = self._before_retry(question, journal, error)
                if pause is None:
                    raise
                journal.reasons.append(_reason(error))
            await self._world.sleep(pause)

    def _before_retry(self, question: Question, journal: _Journal, error: UpstreamError) -> float | None:
        """How long to wait before another attempt; None if there shall be none."""
        if isinstance(error, Unsure) and question.writes:
            return None
        pause = wait = self._backoff(len(journal.reasons))
        if isinstance(error, Throttled):  # `_pause` does the waiting, together with all others
            pause, wait = 0.0, error.retry_after
        if len(journal.reasons) + 1 >= self._settings.attempts or wait >= self._patience(journal):
            return None
        return pause if self._budget.spend() else None

    def _patience(self, journal: _Journal) -> float:
        if journal.until is None:
            return self._settings.call_timeout
        return journal.until - self._world.clock()

    def _backoff(self, retries: int) -> float:
        """Full jitter: anything between nothing and a limit that doubles."""
        return self._world.random() * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**retries)

    async def _once(self, question: Question, journal: _Journal) -> Reply:
        await self._pause(journal)
        closed_for = self._breaker.enter()
        if closed_for:
            raise BreakerOpen("NetBox failed several times in a row", retry_after=closed_for)
        outage = False
        try:
            return await self._with_token(question, journal)
        except (Unreachable, Outage):
            outage = True
            raise
        except Throttled as error:
            self._quiet_until = max(self._quiet_until, self._world.clock() + error.retry_after)
            raise
        finally:
            self._breaker.leave(outage=outage)

    def _heed(self, allowance: Allowance | None) -> None:
        """Slow everybody down while little is left of what a gateway allows."""
        if allowance is None:
            return
        self.allowance = allowance
        if allowance.pause:
            self._quiet_until = max(self._quiet_until, self._world.clock() + allowance.pause)

    async def _pause(self, journal: _Journal) -> None:
        """Wait, with everybody else, as long as NetBox asked for."""
        wait = self._quiet_until - self._world.clock()
        if wait <= 0:
            return
        if wait >= self._patience(journal):
            raise Paused("NetBox, or a gateway before it, asks to slow down", retry_after=wait)
        await self._world.sleep(wait)

    async def _with_token(self, question: Question, journal: _Journal) -> Reply:
        """A refused token means that nothing was done: fetch it again, and repeat once if it changed."""
        token = self._tokens.current()
        try:
            return await self._judged(question, token, journal)
        except TokenRefused:
            if not await self._renewed(token):
                raise
        return await self._judged(question, self._tokens.current(), journal)

    async def _renewed(self, refused: str) -> bool:
        """Whether there is another token now; asks for it once for all calls, at most every 5 seconds."""
        async with self._refreshing:
            if self._tokens.current() != refused:
                return True
            if self._world.clock() - self._refreshed < _BETWEEN_REFRESHES:
                return False
            self._refreshed = self._world.clock()
            return await self._tokens.refresh()

    async def _judged(self, question: Question, token: str, journal: _Journal) -> Reply:
        journal.status = None
        failure: Exception | None = None
        began = self._world.clock()
        try:
            reply = await self._wire.call(question, token)
            journal.status, journal.request_id = reply.status, reply.request_id
            self.series = _series(reply.series) or self.series
            self._heed(reply.allowance)
            judge(question, reply)
        except Exception as error:
            failure = error
            raise
        finally:
            outcome = _outcome(failure, journal.status)
            self._attempted(
                question, outcome, None if outcome == _UNSENDABLE else self._world.clock() - began
            )
        return reply

    def _attempted(self, question: Question, outcome: str, seconds: float | None) -> None:
        attempt = Attempt(
            endpoint=question.endpoint, method=question.method, outcome=outcome, seconds=seconds
        )
        self._world.attempted(attempt)

    def _tell(self, question: Question, journal: _Journal, error: Exception | None, seconds: float) -> None:
        outcome = _outcome(error, journal.status)
        if outcome in _HELD_BACK:
            self._attempted(question, outcome, None)
        self._world.observe(
            CallFinished(
                endpoint=question.endpoint,
                method=question.method,
                status_or_outcome=outcome,
                seconds=seconds,
                lane=question.lane,
                queued_seconds=journal.queued,
                retried=tuple(journal.reasons),
                request_id=journal.request_id,
            )
        )


def _series(text: str | None) -> tuple[int, ...] | None:
    """NetBox's `API-Version` header ("4.7") as numbers."""
    parts = (text or "").split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else None


def _reason(error: UpstreamError) -> str:
    """Why a call is sent again."""
    if isinstance(error, Throttled):
        return "throttled"
    return "unreachable" if isinstance(error, Unreachable) else "broken"


def _outcome(error: Exception | None, status: int | None) -> str:
    """The word for what a call came to, as `Attempt` lists them."""
    for kind, name in _OUTCOMES.items():
        if isinstance(error, kind):
            return name
    if status is not None:
        return str(status)
    if isinstance(error, NotSent):
        return "overloaded" if error.overloaded else "unreachable"
    return _UNSENDABLE if isinstance(error, Untouched) else "broken"


_UNSENDABLE: Final = "unsendable"
_OUTCOMES: Final[dict[type[Exception], str]] = {
    Expired: "expired",
    BreakerOpen: "breaker_open",
    Paused: "throttled",
    NetBoxNonsense: "nonsense",
}
_HELD_BACK: Final = frozenset({"overloaded", "expired", "breaker_open", "throttled"})
"""Outcomes of a call that was kept from being sent by what stands before the wire."""
