"""What a list comes to: NetBox did this, the seats were told that."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.allocation.seats import Batch, Line, Seat
from app.allocation.sender import Sender
from app.domain import errors
from app.domain.inventory import Address, Draft, Pool, Receipt
from app.domain.upstream import (
    FaultKind,
    ItemFault,
    Missing,
    NoRoom,
    NotSent,
    Rejected,
    TokenRefused,
    Unsure,
)
from tests.allocation.fake import FakeNetBox, Plan, draft, explicit, held, next_free, pool

WIDE = pool(1, "10.0.1.0/24")
TIGHT = pool(2, "10.0.2.0/30")
RESET = Unsure("reset")
CRASH = Unsure("500", server_error=True)


def batch(line: Line, *keys: str, address: str | None = None, expires_at: float = 1e9) -> Batch:
    """Seats that wait for an outcome."""
    future = asyncio.get_running_loop().create_future
    return Batch(
        line,
        tuple(Seat(line, draft(key, address=address), "alice", future(), 0.0, expires_at) for key in keys),
    )


async def told(netbox: FakeNetBox, sent: Batch) -> list[str]:
    """What every seat comes to: an address (`+` where it was there before), or the code of a refusal."""
    await Sender(netbox, netbox.clock).serve(sent)
    return [_words(seat) for seat in sent.seats]


def _words(seat: Seat) -> str:
    error = seat.outcome.exception()
    if error is not None:
        assert isinstance(error, errors.BerthError)
        return error.code
    seated = seat.outcome.result()
    return f"{'+' if seated.adopted else ''}{seated.address.address.ip}"


@dataclass(frozen=True)
class Case:
    """What NetBox does with a list of a, b and c, what they are told, and the lists that it saw."""

    fact: str
    told: list[str]
    lists: list[str]
    posts: tuple[Plan, ...] = ()
    answers: tuple[Plan, ...] = ()
    reads: tuple[Plan, ...] = ()
    world: Mapping[str, object] = field(default_factory=dict)


ONE, TWO, THREE = "10.0.1.1", "10.0.1.2", "10.0.1.3"
UNKNOWN = "outcome_unknown"
CASES = [
    Case("all are made", [ONE, TWO, THREE], ["abc"]),
    Case("a bad item is its own", [ONE, "refused_by_netbox", TWO], ["abc", "ac"], world={"bad": {"b"}}),
    Case(
        "a claim that is there is adopted",
        ["+10.0.1.9", ONE, TWO],
        ["abc", "bc"],
        world={"rows": [held(1, "10.0.1.9/24", "a", "alice")]},
    ),
    Case(
        "another owner's is not",
        ["not_owner", ONE, TWO],
        ["abc", "bc"],
        world={"rows": [held(1, "10.0.1.9/24", "a", "bob")]},
    ),
    Case(
        "nor one elsewhere",
        [ONE, "key_conflict", TWO],
        ["abc", "ac"],
        world={"rows": [held(1, "10.9.9.9/24", "b", "alice")]},
    ),
    Case(
        "nor one that others may share",
        [ONE, TWO, "shared_role"],
        ["abc", "ab"],
        world={"rows": [held(1, "10.0.1.9/24", "c", "alice", "anycast")]},
    ),
    Case(
        "nor one of several",
        ["claim_duplicated", ONE, TWO],
        ["abc", "bc"],
        world={"rows": [held(1, "10.0.1.8/24", "a", "alice"), held(2, "10.0.1.9/24", "a", "alice")]},
    ),
    Case(
        "one that is hidden is asked for once more",
        ["claim_invisible", ONE, TWO],
        ["abc", "a", "bc"],
        world={"rows": [held(1, "10.0.1.9/24", "a", "alice")], "hidden": {"a"}},
    ),
    Case("a reset before the work is sent again", [ONE, TWO, THREE], ["abc", "abc"], posts=(RESET,)),
    Case("a reset after it is found", ["+10.0.1.1", "+10.0.1.2", "+10.0.1.3"], ["abc"], answers=(RESET,)),
    Case("two resets are enough", [UNKNOWN] * 3, ["abc", "abc"], posts=(RESET, RESET)),
    Case("a look that fails leaves it open", [UNKNOWN] * 3, ["abc"], posts=(RESET,), reads=(RESET,)),
    Case(
        "nonsense is no look",
        [UNKNOWN] * 3,
        ["abc"],
        posts=(RESET,),
        reads=(errors.NetBoxNonsense(),),
    ),
    Case(
        "a refusal after a reset proves nothing",
        [UNKNOWN] * 3,
        ["abc", "abc"],
        posts=(RESET, TokenRefused("expired")),
    ),
    Case(
        "one item's refusal after a reset neither",
        [ONE, UNKNOWN, TWO],
        ["abc", "abc", "ac"],
        posts=(RESET,),
        world={"bad": {"b"}},
    ),
    Case(
        "who crashes NetBox is found by halves",
        [ONE, UNKNOWN, TWO],
        ["abc", "abc", "ab", "a", "b", "c"],
        world={"poison": {"b"}},
    ),
    Case(
        "who may not is found by halves",
        [ONE, TWO, "netbox_denied"],
        ["abc", "ab", "c"],
        world={"forbidden": {"c"}},
    ),
    Case(
        "who is rejected without a name too",
        ["refused_by_netbox", ONE, TWO],
        ["abc", "ab", "a", "b", "c"],
        world={"mute": {"a"}},
    ),
    Case("no connection", ["netbox_unavailable"] * 3, ["abc"], posts=(NotSent("refused"),)),
    Case("no slot", ["overloaded"] * 3, ["abc"], posts=(NotSent("queue", overloaded=True),)),
    Case("no prefix", ["prefix_not_found"] * 3, ["abc"], posts=(Missing("gone"),)),
    Case("no token", ["netbox_denied"] * 3, ["abc"], posts=(TokenRefused("expired"),)),
    Case(
        "an index that was not sent blames nobody",
        [ONE, TWO, THREE],
        ["abc", "ab", "c"],
        posts=(Rejected("?", {7: ItemFault(FaultKind.OTHER, {})}),),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fact)
async def test_a_list_comes_to(case: Case) -> None:
    """Each seat its own outcome, and no call too many."""
    netbox = FakeNetBox(**case.world)  # type: ignore[arg-type]
    netbox.posts, netbox.answers, netbox.reads = map(deque, (case.posts, case.answers, case.reads))
    assert await told(netbox, batch(next_free(WIDE), *"abc")) == case.told
    assert ["".join(keys) for keys in netbox.lists] == case.lists


async def test_a_prefix_that_runs_out_serves_those_who_came_first() -> None:
    """And says so to the others; whoever it holds already gets its own."""
    netbox = FakeNetBox(rows=[held(1, "10.0.2.1/30", "c", "alice")])
    sent = batch(next_free(TIGHT), *"abc")
    assert await told(netbox, sent) == ["10.0.2.2", "prefix_exhausted", "+10.0.2.1"]
    refusal = sent.seats[1].outcome.exception()
    assert str(refusal) == "Prefix 10.0.2.0/30 has no free address left."


async def test_who_is_refused_leaves_room_to_the_next() -> None:
    """An address stays free only while nobody wants it."""
    assert await told(FakeNetBox(bad={"a"}), batch(next_free(TIGHT), *"abc")) == [
        "refused_by_netbox",
        "10.0.2.1",
        "10.0.2.2",
    ]


@pytest.mark.parametrize(
    ("fault", "code"), [(RESET, "netbox_unavailable"), (errors.NetBoxNonsense(), "netbox_nonsense")]
)
async def test_room_that_cannot_be_counted_refuses_everybody(fault: Plan, code: str) -> None:
    """Nothing of the list was created."""
    netbox = FakeNetBox(reads=deque([fault]))
    assert await told(netbox, batch(next_free(TIGHT), *"abc")) == [code] * 3


class Liar(FakeNetBox):
    """Says that there is room, and that there is none."""

    async def count_available(self, _pool: object, limit: int) -> int:
        """Enough."""
        return limit


async def test_room_that_is_there_and_is_not_ends() -> None:
    """The list is halved until one is left to refuse."""
    netbox = Liar()
    assert await told(netbox, batch(next_free(TIGHT), *"abcd")) == [
        "10.0.2.1",
        "10.0.2.2",
        "prefix_exhausted",
        "prefix_exhausted",
    ]


async def test_what_is_late_is_not_sent_again() -> None:
    """The caller has its 503 by then; its retry finds what became of it."""
    netbox = FakeNetBox(posts=deque([RESET]), takes=2.0)
    early, late = batch(next_free(WIDE), "a"), batch(next_free(WIDE), "b", expires_at=3.0)
    assert await told(netbox, early.only([*early.seats, *late.seats])) == [ONE, UNKNOWN]
    assert netbox.lists == [["a", "b"], ["a"]]


@pytest.mark.parametrize(
    ("world", "expected", "lists"),
    [
        ({"bad": {"a"}}, ["refused_by_netbox", "overloaded", "overloaded"], ["abc"]),
        ({"mute": {"a"}}, ["overloaded"] * 3, ["abc"]),
        ({"poison": {"a"}}, [UNKNOWN] * 3, ["abc"]),
        ({"rows": [held(1, "10.0.1.9/24", "a", "alice")], "hidden": {"a"}}, ["overloaded"] * 3, ["abc"]),
    ],
    ids=["the rest", "halves", "after a doubt", "a hidden claim"],
)
async def test_nothing_is_sent_for_whom_it_would_be_too_late(
    world: dict[str, Any], expected: list[str], lists: list[str]
) -> None:
    """However a list comes to be sent again: who was not created for certain is told to come back."""
    netbox = FakeNetBox(takes=2.0, **world)
    assert await told(netbox, batch(next_free(WIDE), *"abc", expires_at=2.0)) == expected
    assert ["".join(keys) for keys in netbox.lists] == lists


async def test_who_is_late_before_anything_was_sent_is_not_sent_at_all() -> None:
    """A list may have waited for the list before it."""
    netbox = FakeNetBox(now=5.0)
    assert await told(netbox, batch(next_free(WIDE), "a", expires_at=3.0)) == ["overloaded"]
    assert netbox.lists == []


async def test_room_that_is_left_is_not_sent_for_too_late() -> None:
    """Nor is the prefix called full to those whose time is not up."""
    netbox = FakeNetBox(takes=2.0)
    early, late = batch(next_free(TIGHT), "a", expires_at=2.0), batch(next_free(TIGHT), *"bcd")
    sent = early.only([*early.seats, *late.seats])
    assert await told(netbox, sent) == ["overloaded", "10.0.2.1", "10.0.2.2", "prefix_exhausted"]


@pytest.mark.parametrize(
    ("world", "code", "most"),
    [
        ("forbidden", "netbox_denied", 14),
        ("mute", "refused_by_netbox", 14),
        ("poison", UNKNOWN, 15),
    ],
)
async def test_what_is_wrong_with_everybody_is_found_out_in_few_calls(
    world: str, code: str, most: int
) -> None:
    """A list of fifty would else cost ninety-nine: two who fail alike speak for those who fail with them."""
    keys = [f"k{number}" for number in range(50)]
    netbox = FakeNetBox(**{world: set(keys)})  # type: ignore[arg-type]
    assert await told(netbox, batch(next_free(WIDE), *keys)) == [code] * 50
    assert len(netbox.lists) <= most
    assert min(len(each) for each in netbox.lists) == 1


async def test_who_has_nothing_to_do_with_it_is_served_all_the_same() -> None:
    """After two were found, every half that is left is still sent, and divided as soon as one was taken."""
    keys = [f"k{number}" for number in range(50)]
    netbox = FakeNetBox(forbidden={"k0", "k1", "k30"})
    codes = await told(netbox, batch(next_free(WIDE), *keys))
    assert [number for number, code in enumerate(codes) if code == "netbox_denied"] == [0, 1, 30]
    sizes = [len(each) for each in netbox.lists]
    assert sizes == [50, 25, 13, 7, 4, 2, 1, 1, 2, 3, 6, 12, 25, 13, 7, 4, 3, 2, 1, 1, 1, 6, 12]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ["10.0.1.7"]),
        ([held(1, "10.0.1.7/24", "other", "bob")], ["address_taken"]),
        ([held(1, "10.0.1.7/24", "a", "alice")], ["+10.0.1.7"]),
        ([held(1, "10.0.1.8/24", "a", "alice")], ["key_conflict"]),
    ],
)
async def test_an_explicit_address_is_taken_or_refused(rows: list[Address], expected: list[str]) -> None:
    """Never replaced by another one."""
    assert await told(FakeNetBox(rows=rows), batch(explicit(WIDE), "a", address="10.0.1.7/24")) == expected


async def test_an_address_without_a_place_is_judged_by_its_vrf() -> None:
    """A line may know no prefix at all, and then there is no room to count."""
    line = Line(None, None)
    assert line.turn == ("explicit", None)
    netbox = FakeNetBox(posts=deque([NoRoom("?")]))
    assert await told(netbox, batch(line, "a", address="10.0.1.7/24")) == ["prefix_exhausted"]
    netbox = FakeNetBox(rows=[held(1, "10.0.1.7/24", "a", "alice")])
    assert await told(netbox, batch(line, "a", address="10.0.1.7/24")) == ["+10.0.1.7"]


class Moved(FakeNetBox):
    """Its prefix lies in the global table by now."""

    async def allocate(self, pool: Pool, drafts: Sequence[Draft]) -> Receipt:
        """Where NetBox has it."""
        return await super().allocate(replace(pool, vrf=None), drafts)


async def test_what_moved_to_another_vrf_while_it_was_made_is_in_doubt() -> None:
    """The claim is there and does not fit: it may be the fruit of this very call, so it is not refused."""
    before_the_move = pool(1, "10.0.1.0/24", vrf=9)
    netbox = Moved(answers=deque([RESET]))
    assert await told(netbox, batch(next_free(before_the_move), "a")) == [UNKNOWN]


async def test_nobody_is_told_twice() -> None:
    """A seat whose request hung up takes no outcome."""
    sent = batch(next_free(WIDE), *"ab")
    assert not sent.seats[0].took_room
    sent.seats[0].outcome.cancel()
    await Sender(FakeNetBox(bad={"b"}), lambda: 0.0).serve(sent)
    assert sent.seats[0].outcome.cancelled()
    assert not sent.seats[0].took_room
    sent.refuse(errors.OutcomeUnknown())
    assert _words(sent.seats[1]) == "refused_by_netbox"
