"""The queue: who goes when, and who does not go at all."""

import asyncio
import contextvars
import gc
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.allocation.batcher import Batcher, BatchSent, Limits
from app.allocation.seats import Seated
from app.allocation.sender import Sender
from app.domain.errors import OutcomeUnknown, Overloaded
from app.domain.inventory import Draft, Pool, Receipt
from tests.allocation.fake import FakeNetBox, draft, explicit, next_free, pool

WIDE = pool(1, "10.0.1.0/24")
OTHER = pool(2, "10.0.2.0/24")


@dataclass
class SlowNetBox(FakeNetBox):
    """Answers no list before it is told to."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    contexts: list[str | None] = field(default_factory=list)

    async def allocate(self, pool: Pool, drafts: Sequence[Draft]) -> Receipt:
        """Wait, then work."""
        self.contexts.append(whose.get())
        await self.gate.wait()
        return await super().allocate(pool, drafts)


whose: contextvars.ContextVar[str | None] = contextvars.ContextVar("whose", default=None)


@dataclass
class Desk:
    """A batcher before a slow NetBox, with a clock that the test moves."""

    limits: Limits = field(default_factory=Limits)
    netbox: SlowNetBox = field(default_factory=SlowNetBox)
    now: float = 0.0
    sent: list[BatchSent] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = lambda: self.now  # noqa: E731
        self.batcher = Batcher(Sender(self.netbox, clock), clock, self.limits, observe=self.sent.append)

    async def ask(self, key: str, owner: str = "alice", of: Pool = WIDE) -> "asyncio.Task[Seated]":
        """Ask, and let the batcher see it."""
        task = asyncio.create_task(self.batcher.take(next_free(of), draft(key, owner)))
        await asyncio.sleep(0)
        self.now += 1.0
        return task


async def test_a_lone_request_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    """One list in flight, and nobody lingers."""
    desk = Desk()
    tasks = [await desk.ask(f"k{n}") for n in range(4)]
    assert desk.batcher.waiting == 3
    desk.netbox.gate.set()
    await asyncio.gather(*tasks)
    await asyncio.sleep(0)
    assert desk.netbox.lists == [["k0"], ["k1", "k2", "k3"]]
    assert [(each.size, each.left) for each in desk.sent] == [(1, 3), (3, 0)]


async def test_what_becomes_ready_together_goes_together() -> None:
    """One commit of the ledger lets many through, and none of them flies alone."""
    netbox = FakeNetBox()
    batcher = Batcher(Sender(netbox, lambda: 0.0), lambda: 0.0)
    await asyncio.gather(*(batcher.take(next_free(WIDE), draft(key)) for key in "abc"))
    assert netbox.lists == [["a", "b", "c"]]


async def test_seats_go_in_the_order_in_which_their_requests_came() -> None:
    """Whatever took one of them longer before it was seated."""
    netbox = FakeNetBox()
    batcher = Batcher(Sender(netbox, lambda: 0.0), lambda: 0.0)
    order = [(3, "alice"), (5, "bob"), (1, "alice"), (2, "bob"), (4, "alice")]
    await asyncio.gather(
        *(batcher.take(next_free(WIDE), draft(f"k{n}", owner), arrival=n) for n, owner in order)
    )
    assert netbox.lists == [["k1", "k2", "k3", "k4", "k5"]]


async def test_callers_and_prefixes_take_turns() -> None:
    """A caller's flood keeps neither another caller nor another prefix waiting."""
    desk = Desk(Limits(cap=3))
    tasks = [await desk.ask(f"a{n}") for n in range(8)]
    tasks += [await desk.ask("b0", "bob"), await desk.ask("c0", of=OTHER)]
    desk.netbox.gate.set()
    await asyncio.gather(*tasks)
    assert desk.netbox.lists == [["a0"], ["a1", "a2", "b0"], ["c0"], ["a3", "a4", "a5"], ["a6", "a7"]]


async def test_two_with_one_key_or_one_host_never_share_a_list() -> None:
    """NetBox checks all of a list before it saves any of it, so a claim could stand in it twice."""
    netbox = FakeNetBox()
    batcher = Batcher(Sender(netbox, itertools.count().__next__), itertools.count().__next__)
    asked = [
        ("a", "10.0.1.5/24"),
        ("b", "10.0.1.6/24"),
        ("b", "10.0.1.6/24"),
        ("c", "10.0.1.6/32"),
        ("d", "10.0.1.7/24"),
    ]
    await asyncio.gather(
        *(batcher.take(explicit(WIDE), draft(key, address=address)) for key, address in asked),
        return_exceptions=True,
    )
    assert netbox.lists[:2] == [["a", "b", "d"], ["b"]]
    assert sorted(row.key or "" for row in netbox.rows) == ["a", "b", "d"]


async def test_what_waited_too_long_or_hung_up_is_not_sent() -> None:
    """Nobody would read the answer."""
    desk = Desk(Limits(patience=10.0))
    first, gone, late = await desk.ask("first"), await desk.ask("gone"), await desk.ask("late")
    gone.cancel()
    desk.now += 20.0
    desk.netbox.gate.set()
    with pytest.raises(Overloaded):
        await late
    assert (await first).adopted is False
    assert desk.netbox.lists == [["first"]]
    assert desk.batcher.waiting == 0


async def test_a_queue_that_is_too_long_for_its_patience_turns_away_at_once() -> None:
    """Whoever came last would wait in vain; how long a list takes is known from the one before."""
    desk = Desk(Limits(cap=1, patience=5.0))
    first = await desk.ask("first")
    for _ in range(2):
        await asyncio.sleep(0)  # it is under way
    desk.now += 10.0
    desk.netbox.gate.set()
    await first
    desk.netbox.gate.clear()
    others = [await desk.ask(f"k{number}") for number in range(3)]
    with pytest.raises(Overloaded) as refused:
        await desk.batcher.take(next_free(WIDE), draft("late"))
    assert refused.value.retry_after > 5.0
    desk.netbox.gate.set()
    await asyncio.gather(*others, return_exceptions=True)


async def test_a_full_queue_says_when_to_come_back() -> None:
    """Nothing is queued that would wait for nothing."""
    desk = Desk(Limits(queue=1))
    tasks = [await desk.ask("a"), await desk.ask("b")]
    with pytest.raises(Overloaded) as refusal:
        await desk.batcher.take(next_free(WIDE), draft("c"))
    assert refusal.value.retry_after >= 1.0
    desk.netbox.gate.set()
    await asyncio.gather(*tasks)


async def test_a_batch_has_no_requests_context() -> None:
    """It serves many, and one request's deadline must not cut the others' call."""
    desk = Desk()
    whose.set("the first request")
    desk.netbox.gate.set()
    await (await desk.ask("a"))
    assert desk.netbox.contexts == [None]


class BrokenNetBox(FakeNetBox):
    """Raises what nobody foresaw."""

    async def allocate(self, *_: object) -> Receipt:
        """Fail."""
        raise ZeroDivisionError


async def test_an_unforeseen_error_leaves_nobody_waiting() -> None:
    """Nobody knows whether NetBox did its work; the error is the event loop's to report."""
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context.get("exception")))
    batcher = Batcher(Sender(BrokenNetBox(), loop.time), loop.time)
    with pytest.raises(OutcomeUnknown):
        await batcher.take(next_free(WIDE), draft("a"))
    await asyncio.sleep(0)
    gc.collect()  # a task tells of its error when it is collected
    assert [type(error) for error in reported] == [ZeroDivisionError]
