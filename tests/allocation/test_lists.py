"""Lists of what takes no lock: who goes when, and what each member is told."""

import asyncio
import contextvars
import gc
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.allocation.lists import Lists
from app.domain.upstream import (
    FaultKind,
    NotSent,
    Rejected,
    TokenRefused,
    Unsure,
    UpstreamError,
)
from app.telemetry.events import event_line
from tests.allocation.listed import FakeLists

RESET = Unsure("reset")
CRASH = Unsure("500", server_error=True)


def lists_to(netbox: FakeLists, cap: int = 50, queue: int = 1000) -> Lists[str, str]:
    """Lists whose members may not share their first letter; the clock stands still."""
    return Lists(netbox.send, lambda: 0.0, lambda member: (member[0],), cap=cap, queue=queue)


async def ask(lists: Lists[str, str], *members: str, until: float | None = None) -> "list[asyncio.Task[str]]":
    """Ask for each, one after the other, as requests come in."""
    tasks = []
    for member in members:
        tasks.append(asyncio.create_task(lists.add(member, until)))
        await asyncio.sleep(0)  # it asks
        await asyncio.sleep(0)  # what it has started goes
    return tasks


def told(outcome: str | BaseException) -> str:
    """An outcome in a word."""
    if isinstance(outcome, Rejected):
        return f"rejected {[fault.kind.value for fault in outcome.items.values()]}"
    return outcome if isinstance(outcome, str) else type(outcome).__name__


@dataclass(frozen=True)
class Case:
    """What NetBox does with a list of a, b and c, what they are told, and the lists that it saw."""

    fact: str
    netbox: FakeLists
    said: str
    lists: list[str]


CASES = [
    Case("all are done", FakeLists(), "a done, b done, c done", ["abc"]),
    Case(
        "the bad one is told so, and the others are done",
        FakeLists(bad={"b"}),
        "a done, rejected ['other'], c done",
        ["abc", "ac"],
    ),
    Case(
        "all are bad, and nothing is sent again",
        FakeLists(bad={"a", "b", "c"}),
        "rejected ['other'], rejected ['other'], rejected ['other']",
        ["abc"],
    ),
    Case(
        "a claim that is taken is told as such",
        FakeLists(done=["c"]),
        "a done, b done, rejected ['claim']",
        ["abc", "ab"],
    ),
    Case(
        "a refusal without a position is halved until one is to blame",
        FakeLists(mute={"c"}),
        "a done, b done, rejected []",
        ["abc", "ab", "c"],
    ),
    Case(
        "a missing permission does not say whose fault it was",
        FakeLists(forbidden={"a"}),
        "PermissionRefused, b done, c done",
        ["abc", "ab", "a", "b", "c"],
    ),
    Case(
        "a 500 of NetBox's own was rolled back: one of them may be to blame",
        FakeLists(poison={"a"}),
        "Unsure, b done, c done",
        ["abc", "ab", "a", "b", "c"],
    ),
    Case(
        "a 500 after the commit meets the claims",
        FakeLists(after=deque([CRASH])),
        "rejected ['claim'], rejected ['claim'], rejected ['claim']",
        ["abc", "ab", "c"],
    ),
    Case(
        "a reset leaves all of them in doubt",
        FakeLists(after=deque([RESET])),
        "Unsure, Unsure, Unsure",
        ["abc"],
    ),
    Case(
        "a refused token is everybody's",
        FakeLists(before=deque([TokenRefused("old")])),
        "TokenRefused, TokenRefused, TokenRefused",
        ["abc"],
    ),
    Case("what is not there is told alone", FakeLists(absent={"b"}), "a done, Missing, c done", ["abc"]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fact)
async def test_what_a_list_comes_to(case: Case) -> None:
    """Each member its own outcome, in as few lists as it takes."""
    lists = lists_to(case.netbox)
    outcomes = await asyncio.gather(*(lists.add(each) for each in "abc"), return_exceptions=True)
    assert ", ".join(map(told, outcomes)) == case.said
    assert ["".join(sent) for sent in case.netbox.lists] == case.lists


async def test_a_refused_member_is_told_its_own_fault_at_position_0() -> None:
    """With everything that NetBox says of it."""
    lists = lists_to(FakeLists(bad={"b"}))
    results = await asyncio.gather(lists.add("a"), lists.add("b"), return_exceptions=True)
    error = results[1]
    assert isinstance(error, Rejected)
    assert str(error) == "bad; worse"
    assert [(index, fault.kind) for index, fault in error.items.items()] == [(0, FaultKind.OTHER)]


async def test_a_lone_member_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    """One list in flight, and nobody lingers."""
    netbox = FakeLists(gate=asyncio.Event())
    tasks = await ask(lists_to(netbox, cap=2), "a", "b", "c", "d")
    assert netbox.gate
    netbox.gate.set()
    assert await asyncio.gather(*tasks) == ["a done", "b done", "c done", "d done"]
    assert netbox.lists == [["a"], ["b", "c"], ["d"]]


async def test_two_members_with_one_mark_never_share_a_list() -> None:
    """The second one waits for the next list, and keeps its place before those that come later."""
    netbox = FakeLists(gate=asyncio.Event())
    tasks = await ask(lists_to(netbox, cap=3), "z", "a1", "a2", "b", "a3", "c")
    assert netbox.gate
    netbox.gate.set()
    await asyncio.gather(*tasks)
    assert netbox.lists == [["z"], ["a1", "b", "c"], ["a2"], ["a3"]]


async def test_a_full_queue_turns_members_away() -> None:
    """With the time that it takes to serve those who wait."""
    netbox = FakeLists(gate=asyncio.Event())
    lists = lists_to(netbox, queue=2)
    tasks = await ask(lists, "a", "b", "c")
    with pytest.raises(NotSent) as refused:
        await lists.add("d")
    assert (refused.value.overloaded, refused.value.retry_after) == (True, 1.0)
    assert netbox.gate
    netbox.gate.set()
    await asyncio.gather(*tasks)


async def test_whose_deadline_passes_in_the_queue_is_not_sent() -> None:
    """Nothing happened."""
    netbox = FakeLists(gate=asyncio.Event())
    lists = lists_to(netbox)
    (first,) = await ask(lists, "a")
    with pytest.raises(NotSent):
        await lists.add("b", until=0.0)
    assert netbox.gate
    netbox.gate.set()
    await first
    assert netbox.lists == [["a"]]


async def test_whose_deadline_passes_under_way_is_in_doubt() -> None:
    """The list goes on, for whoever shares it."""
    netbox = FakeLists(gate=asyncio.Event())
    lists = lists_to(netbox)
    hurried, patient = (
        asyncio.create_task(lists.add(each, until)) for each, until in (("a", 0.0), ("b", None))
    )
    with pytest.raises(Unsure):
        await hurried
    assert netbox.gate
    netbox.gate.set()
    assert await patient == "b done"
    assert netbox.lists == [["a", "b"]]
    assert netbox.done == ["a", "b"]


async def test_what_is_asked_for_at_once_shares_the_first_list() -> None:
    """As the members of one batch do."""
    netbox = FakeLists()
    lists = lists_to(netbox)
    await asyncio.gather(*(lists.add(each) for each in "abc"))
    assert netbox.lists == [["a", "b", "c"]]


async def test_who_is_cancelled_in_the_queue_is_not_sent() -> None:
    """Nobody waits for it."""
    netbox = FakeLists(gate=asyncio.Event())
    lists = lists_to(netbox)
    first, second = await ask(lists, "a", "b")
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert netbox.gate
    netbox.gate.set()
    await first
    assert netbox.lists == [["a"]]


whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")


@dataclass
class Noting(FakeLists):
    """Notes whose context it is asked in."""

    contexts: list[str] = field(default_factory=list)

    async def send(self, members: Sequence[str]) -> list[str | UpstreamError]:
        """Note it."""
        self.contexts.append(whose.get())
        return await super().send(members)


async def test_a_list_flies_in_a_context_of_its_own() -> None:
    """It serves many requests and has the deadline of none."""
    netbox = Noting()
    whose.set("mine")
    await lists_to(netbox).add("a")
    assert netbox.contexts == ["nobody's"]


async def test_time_in_the_queue_and_at_netbox_counts_for_the_request_that_waits() -> None:
    """On its own event line."""
    ticks = iter(range(100))
    lists = Lists(FakeLists().send, lambda: float(next(ticks)))
    with event_line() as line:
        await lists.add("a")
    assert line.seconds == {"queue": 1.0, "netbox": 1.0}


async def test_an_unforeseen_error_leaves_the_members_in_doubt_and_the_lists_going() -> None:
    """It is a mistake in the program, and reported as one."""
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(repr(context.get("exception")))
    )
    answers = iter([[], ["b done"]])

    async def send(_members: Sequence[str]) -> list[str | UpstreamError]:
        return [*next(answers)]

    lists = Lists(send, lambda: 0.0)
    with pytest.raises(Unsure):
        await lists.add("a")
    assert await lists.add("b") == "b done"
    gc.collect()
    assert len(reported) == 1
    assert reported[0].startswith("ValueError")


async def test_a_list_that_fails_after_its_member_gave_up_is_nobodys_error() -> None:
    """It is told to nobody, and reported by nobody."""
    netbox = FakeLists(gate=asyncio.Event(), mute={"a"})
    lists = lists_to(netbox)
    (gone,) = await ask(lists, "a", until=0.0)
    with pytest.raises(Unsure):
        await gone
    assert netbox.gate
    netbox.gate.set()
    assert await lists.add("b") == "b done"
    gc.collect()
