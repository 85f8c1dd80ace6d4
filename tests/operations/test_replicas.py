"""Waiting for other processes, told by a ledger that says what the test wants: no server is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.domain.commands import Caller
from app.ledger.ledger import Elsewhere
from app.ledger.ports import Tx
from app.ledger.records import State
from app.operations.replicas import Replicas
from app.operations.turns import Nobody, Turns
from tests.operations.conftest import LAB, Desk, Meddler


@dataclass
class Held:
    """A transaction in which others hold keys for so many looks; `left` is what dead ones left behind."""

    looks: int = 0
    left: bool = False
    leases: int = 0
    done: list[str] = field(default_factory=list)

    def held_elsewhere(self, turn: str) -> bool:
        """Count a look."""
        self.done.append(f"look {turn}")
        self.looks -= 1
        return self.looks >= 0

    def left_behind(self, _turn: str) -> bool:
        """Whether there is anything."""
        return self.left or self.looks > 0

    def keep(self, turn: str, seconds: float) -> None:
        """Note it."""
        self.done.append(f"keep {turn} {seconds:g}")

    def let_go(self, turn: str) -> None:
        """Note it."""
        self.done.append(f"let go {turn}")

    def lease(self, name: str, _seconds: float) -> bool:
        """Others have it for so many tries."""
        self.leases -= 1
        self.done.append(f"lease {name}")
        return self.leases < 0

    def give_up(self, name: str) -> None:
        """Note it."""
        self.done.append(f"give up {name}")


@dataclass
class Store:
    """Runs every work on the one transaction."""

    tx: Held

    async def write(self, work: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - whatever the work returns
        """Run it."""
        return work(self.tx)  # type: ignore[arg-type]

    read = write


@dataclass
class Naps:
    """Sleeps that take no time."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        """Write it down."""
        self.seconds.append(seconds)


def replicas(tx: Held, patience: float = 1.0) -> tuple[Replicas, Naps]:
    """What is tested, and how long it slept."""
    naps = Naps()
    return Replicas(Store(tx), patience, 30.0, naps), naps


async def test_a_key_that_nobody_is_at_is_not_waited_for() -> None:
    """Nor is anything written."""
    tx = Held()
    waiting, naps = replicas(tx)
    await waiting.wait("web")
    assert (tx.done, naps.seconds) == ([], [])


async def test_what_a_dead_process_left_is_taken_up_at_once() -> None:
    """And held, so that a third one waits for us."""
    tx = Held(left=True)
    waiting, naps = replicas(tx)
    await waiting.wait("web")
    assert (tx.done, naps.seconds) == (["look web", "keep web 30"], [])


async def test_a_process_that_is_at_a_key_is_waited_for() -> None:
    """Looking more and more seldom."""
    tx = Held(looks=3, left=True)
    waiting, naps = replicas(tx)
    await waiting.wait("web")
    assert naps.seconds == [0.02, 0.05, 0.1]
    assert tx.done[-1] == "keep web 30"


async def test_no_longer_than_a_request_may_take() -> None:
    """The caller is told to come again."""
    waiting, naps = replicas(Held(looks=1000), patience=2.0)
    with pytest.raises(Elsewhere):
        await waiting.wait("web")
    assert 1.8 < sum(naps.seconds) < 2.2


async def test_what_is_nobodys_key_is_done_by_one_at_a_time() -> None:
    """And given up in the end, also where it failed."""
    tx = Held(leases=2)
    waiting, naps = replicas(tx)
    with pytest.raises(ValueError, match="no"):
        async with waiting.alone("gateway"):
            raise ValueError("no")
    assert tx.done == ["lease gateway"] * 3 + ["give up gateway"]
    assert len(naps.seconds) == 2
    impatient, _ = replicas(Held(leases=1000))
    with pytest.raises(Elsewhere):
        async with impatient.alone("gateway"):
            pass


async def test_a_turn_that_ends_early_lets_the_others_go_on() -> None:
    """One that ends well has nothing to let go; a part's key is its machine's."""
    tx = Held()
    turns = Turns(replicas(tx)[0])
    async with turns("web"):
        pass
    assert tx.done == []
    with pytest.raises(ValueError, match="no"):
        async with turns("web~0~v4~1"):
            raise ValueError("no")
    assert tx.done == ["let go web"]
    tx.looks = 1
    assert await turns.busy("web~0~v4~1")
    assert not await turns.busy("web")


class Taken(Nobody):
    """A process that is faster: it has the key at our first transaction, and is done when we wait for it."""

    def __init__(self, desk: Desk, then: Callable[[], Any]) -> None:
        self.desk, self.then, self.waits = desk, then, 0

    async def busy(self, _key: str) -> bool:
        """Never when the reconciler looks."""
        return False

    async def wait(self, _key: str) -> None:
        """The second time, it is done."""
        self.waits += 1
        if self.waits == 2:
            await self.then()

    async def let_go(self, _key: str) -> None:
        """Nothing is held."""


def held_once(desk: Desk, then: Callable[[], Any]) -> None:
    """At the next T1 another process has the key; `then` is what it did."""
    times = [True]

    async def write(inner: Callable[..., Any], work: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - as above
        def watched(tx: Any) -> Any:  # noqa: ANN401 - the real one
            hook = Meddler(tx)
            hook.held_elsewhere = lambda _turn: bool(times) and times.pop()  # type: ignore[attr-defined]
            return work(hook)

        return await inner(watched)

    desk.restart(store=Meddler(desk.database, write=write), others=Taken(desk, then))


async def test_a_key_that_another_process_has_just_begun_is_answered_with_what_it_made(
    desk: Desk, alice: Caller
) -> None:
    """POST and PUT: one object, the same answer."""
    plain = desk.parts

    async def other(key: str) -> None:
        changed, desk.parts = desk.parts, plain
        operations = desk.operations
        desk.restart()
        await desk.post(alice, key, prefix=LAB)
        desk.parts, desk.operations = changed, operations

    held_once(desk, lambda: other("web"))
    posted = await desk.post(alice, "web", prefix=LAB)
    assert (await desk.claimed("web")).id == int(posted.netbox_id or 0)
    desk.parts = plain
    held_once(desk, lambda: other("db"))
    put = await desk.put(alice, "db", prefix=LAB, description="put")
    assert put.description == "put"
    assert (await desk.claimed("db")).id == int(put.netbox_id or 0)
    desk.parts = plain
    desk.restart()
    await desk.quiet()


async def test_a_key_that_another_process_is_just_releasing_is_looked_at_again(
    desk: Desk, alice: Caller
) -> None:
    """DELETE answers when it is gone, whoever did it."""
    plain = desk.parts
    await desk.post(alice, "web", prefix=LAB)

    async def other() -> None:
        changed, operations, desk.parts = desk.parts, desk.operations, plain
        desk.restart()
        await desk.operations.release(alice, "web")
        desk.parts, desk.operations = changed, operations

    held_once(desk, other)
    await desk.operations.release(alice, "web")
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is State.RELEASED
    desk.parts = plain
    desk.restart()
    await desk.quiet()
