"""Whatever comes in and whatever NetBox does: one outcome each, and the right one."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from app.allocation.lists import Lists
from app.domain.upstream import (
    FaultKind,
    Missing,
    NotSent,
    PermissionRefused,
    Rejected,
    TokenRefused,
    Unsure,
    Untouched,
)
from tests.allocation.listed import FakeLists, Plan

MEMBERS = tuple(f"{mark}{n}" for mark in "abcdef" for n in range(3))
Outcome = str | BaseException


@dataclass(frozen=True)
class World:
    """What was done before, and what NetBox does."""

    earlier: frozenset[str] = frozenset()
    before: tuple[Plan, ...] = ()
    after: tuple[Plan, ...] = ()
    marks: tuple[frozenset[str], ...] = field(default=(frozenset(),) * 5)


some = st.frozensets(st.sampled_from(MEMBERS), max_size=2)
doubts: st.SearchStrategy[Plan] = st.sampled_from(
    (None, None, None, Unsure("reset"), Unsure("500", server_error=True))
)
refusals: st.SearchStrategy[Plan] = st.sampled_from(
    (None, NotSent("refused"), TokenRefused("old"), Rejected("?"), PermissionRefused("no"))
)
worlds = st.builds(
    World,
    earlier=some,
    before=st.lists(doubts | refusals, max_size=4).map(tuple),
    after=st.lists(doubts, max_size=3).map(tuple),
    marks=st.tuples(*[some] * 5),
)


def play(members: Sequence[str], world: World, cap: int) -> tuple[FakeLists, list[Outcome]]:
    """Ask for all of them, some at once; what was done afterwards, and what each was told."""
    netbox = FakeLists(done=[*world.earlier], before=deque(world.before), after=deque(world.after))
    netbox.bad, netbox.forbidden, netbox.poison, netbox.mute, netbox.absent = map(set, world.marks)

    async def run() -> list[Outcome]:
        lists = Lists(netbox.send, lambda: 0.0, lambda member: (member[0],), cap=cap)
        asked = []
        for number, member in enumerate(members):
            asked.append(asyncio.create_task(lists.add(member)))
            if number % 3 == 0:
                await asyncio.sleep(0)
        return await asyncio.gather(*asked, return_exceptions=True)

    return netbox, asyncio.run(run())


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=25), worlds, st.sampled_from((3, 50)))
def test_every_member_gets_one_outcome_and_the_right_one(members: list[str], world: World, cap: int) -> None:
    """Nothing is done twice, no list holds a mark twice, and what is refused was not done for it."""
    netbox, outcomes = play(members, world, cap)
    assert max(Counter(netbox.done).values(), default=1) == 1
    for sent in netbox.lists:
        assert len(sent) <= cap
        assert len({member[0] for member in sent}) == len(sent)
    for member, outcome in zip(members, outcomes, strict=True):
        check(member, outcome, netbox, world)
    for member in set(members) - world.earlier:
        told = [outcome for each, outcome in zip(members, outcomes, strict=True) if each == member]
        if all(isinstance(each, Untouched) and not _is_claim(each) for each in told):
            assert member not in netbox.done, told


def check(member: str, outcome: Outcome, netbox: FakeLists, world: World) -> None:
    """An outcome has to have its reason in the world."""
    if isinstance(outcome, str):
        assert outcome == f"{member} done"
        assert member in netbox.done
        return
    bad, forbidden, poison, mute, absent = world.marks
    assert poison or world.before or world.after or not _in_doubt(outcome)
    failing = (*world.before, *world.after)
    if _is_claim(outcome):
        assert member in netbox.done
        return
    reasons: dict[type[BaseException], bool] = {
        Rejected: member in bad | mute or any(isinstance(fault, Rejected) for fault in failing),
        PermissionRefused: member in forbidden or any(isinstance(f, PermissionRefused) for f in failing),
        Missing: member in absent,
        Unsure: member in poison or any(isinstance(fault, Unsure) for fault in failing) or _in_doubt(outcome),
        NotSent: any(isinstance(fault, NotSent) for fault in failing),
        TokenRefused: any(isinstance(fault, TokenRefused) for fault in failing),
    }
    assert reasons[type(outcome)], (member, outcome)


def _in_doubt(outcome: BaseException) -> bool:
    """Whether it shared a list with what NetBox failed over, and was refused alone for another reason."""
    return "an earlier call may have done it" in str(outcome)


def _is_claim(outcome: BaseException) -> bool:
    return isinstance(outcome, Rejected) and any(
        fault.kind is FaultKind.CLAIM for fault in outcome.items.values()
    )
