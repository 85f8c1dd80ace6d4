"""Work that the application owns, not the connection."""

import asyncio
import io
import json
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from app.domain.errors import Draining, KeyConflict, StillWorking
from app.edge.works import Works
from app.telemetry.logs import make_logger


async def test_a_result_is_returned_and_an_error_raised() -> None:
    """As if the work had been awaited."""

    async def fail() -> None:
        raise KeyConflict

    works = Works()
    assert await works.run(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(KeyConflict):
        await works.run(fail())


async def test_work_goes_on_when_its_deadline_passes() -> None:
    """Whoever waited is told to come back."""
    works, gate, done = Works(), asyncio.Event(), []

    async def work() -> None:
        await gate.wait()
        done.append(True)

    with pytest.raises(StillWorking) as caught:
        await works.run(work(), deadline_seconds=0)
    assert (caught.value.retry_after, works.in_flight) == (2.0, 1)
    gate.set()
    assert await works.drain() == 0
    assert done == [True]


async def test_work_goes_on_when_whoever_waits_is_cancelled() -> None:
    """That is what a server does to a request whose client hung up."""
    works, begun, gate, done = Works(), asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await gate.wait()
        done.append(True)

    waiter = asyncio.create_task(works.run(work()))
    await begun.wait()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    gate.set()
    assert await works.drain() == 0
    assert done == [True]


async def test_a_process_that_stops_refuses_new_work_without_beginning_it() -> None:
    """The coroutine is closed, not left behind."""
    works, begun = Works(), []

    async def work() -> None:
        begun.append(True)

    coroutine: Coroutine[Any, Any, None] = work()
    assert await works.drain() == 0
    with pytest.raises(Draining):
        await works.run(coroutine)
    assert (works.draining, begun) == (True, [])


async def test_a_process_that_stops_tells_what_it_could_not_wait_for() -> None:
    """After its time is up."""
    works, gate = Works(), asyncio.Event()
    with pytest.raises(StillWorking):
        await works.run(gate.wait(), deadline_seconds=0)
    assert await works.drain(0) == 1
    gate.set()
    assert await works.drain() == 0


async def test_what_is_in_flight_is_told() -> None:
    """To whoever keeps the gauge."""
    counts: list[int] = []
    await Works(on_change=counts.append).run(asyncio.sleep(0))
    await asyncio.sleep(0)
    assert counts == [1, 0]


async def test_a_failure_that_nobody_waits_for_is_logged() -> None:
    """Refusals are answers, and are not."""
    stream = io.StringIO()
    works, gate = Works(log=make_logger(stream)), asyncio.Event()

    async def fail(error: Exception) -> None:
        await gate.wait()
        raise error

    for error in (RuntimeError("boom"), KeyConflict()):
        with pytest.raises(StillWorking):
            await works.run(fail(error), deadline_seconds=0)
    gate.set()
    await works.drain()
    (line,) = (json.loads(text) for text in stream.getvalue().splitlines())
    assert (line["event"], line["error"]) == ("work failed", "RuntimeError")


async def test_work_runs_inside_of_what_is_around_it() -> None:
    """Such as a deadline; whoever waits for it is outside."""
    mark: ContextVar[str] = ContextVar("mark", default="outside")

    @contextmanager
    def around() -> Iterator[None]:
        token = mark.set("inside")
        yield
        mark.reset(token)

    async def work() -> str:
        await asyncio.sleep(0)
        return mark.get()

    assert await Works(around=around).run(work()) == "inside"
    assert mark.get() == "outside"
