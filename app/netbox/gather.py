"""Questions that come in while one is being answered are asked together next."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from app.domain.upstream import Rejected, Unsure
from app.netbox import deadline

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Gatherer(Generic[K, V]):
    """One look-up in flight; whatever is asked meanwhile is the next one.

    Concurrency: everything runs on one event loop, and between taking `_waiting` and the next `await` nothing
    else does. The look-up runs in a task with an empty context: it serves several callers and must have the
    deadline of none (`app.netbox.deadline`). A caller that is cancelled leaves its key behind; it is asked
    for anyway and nobody reads the answer.
    """

    def __init__(
        self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._flight: asyncio.Task[None] | None = None

    async def ask(self, keys: Sequence[K]) -> dict[K, V]:
        """What was found of the keys. Raises what the look-up raised, or Unsure at the caller's deadline."""
        answers = {key: self._seat(key) for key in keys}
        if self._flight is None and answers:
            self._flight = asyncio.get_running_loop().create_task(self._fly(), context=contextvars.Context())
        until = deadline.current()
        try:
            async with asyncio.timeout(None if until is None else until - self._clock()):
                found = {key: await asyncio.shield(answer) for key, answer in answers.items()}
        except TimeoutError:
            raise Unsure("NetBox did not answer in time") from None
        return {key: value for key, value in found.items() if value is not None}

    def _seat(self, key: K) -> "asyncio.Future[V | None]":
        if key not in self._waiting:
            seat = asyncio.get_running_loop().create_future()
            seat.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen by somebody
            self._waiting[key] = seat
        return self._waiting[key]

    async def _fly(self) -> None:
        try:
            while self._waiting:
                seats, self._waiting = self._waiting, {}
                await self._serve(seats)
        finally:
            self._flight = None

    async def _serve(self, seats: Mapping[K, "asyncio.Future[V | None]"]) -> None:
        try:
            found = await self._fetch(list(seats))
        except Rejected as error:
            await self._one_by_one(seats, error)
        except Exception as error:  # noqa: BLE001 - handed to those who asked
            for seat in seats.values():
                seat.set_exception(error)
        else:
            for key, seat in seats.items():
                seat.set_result(found.get(key))

    async def _one_by_one(self, seats: "Mapping[K, asyncio.Future[V | None]]", error: Rejected) -> None:
        """NetBox refused the question: what one caller asked for must not spoil it for the others."""
        for key, seat in seats.items():
            if len(seats) == 1:
                seat.set_exception(error)
            else:
                await self._serve({key: seat})
