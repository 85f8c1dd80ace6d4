"""Whatever comes in and whatever NetBox does: one outcome each, and the right one."""

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from app.allocation.batcher import Batcher, Limits
from app.allocation.seats import Seated
from app.allocation.sender import Sender
from app.domain import errors
from app.domain.errors import NetBoxNonsense, OutcomeUnknown, PrefixExhausted
from app.domain.inventory import Address
from app.domain.upstream import NotSent, Rejected, TokenRefused, Unsure
from tests.allocation.fake import FakeNetBox, Plan, draft, explicit, held, next_free, pool

POOLS = (pool(1, "10.0.1.0/29"), pool(2, "10.0.2.0/30"), pool(3, "10.0.3.0/28"))
OWNERS = ("alice", "bob")
KEYS = tuple(f"k{n}" for n in range(14))
Outcome = Seated | BaseException


@dataclass(frozen=True)
class Member:
    """One request."""

    key: str
    owner: str
    pool: int
    host: int | None


@dataclass(frozen=True)
class World:
    """What stands in NetBox before, and what it does."""

    earlier: tuple[tuple[str, str, str], ...] = ()
    posts: tuple[Plan, ...] = ()
    answers: tuple[Plan, ...] = ()
    reads: tuple[Plan, ...] = ()
    marks: tuple[frozenset[str], ...] = field(default=(frozenset(),) * 5)


members = st.builds(
    Member,
    key=st.sampled_from(KEYS),
    owner=st.sampled_from(("alice", "alice", "alice", "bob")),
    pool=st.sampled_from((0, 1, 2)),
    host=st.sampled_from((None, None, None, 1, 2)),
)
before = st.sampled_from(
    (
        None,
        None,
        None,
        Unsure("reset"),
        Unsure("500", server_error=True),
        NotSent("refused"),
        TokenRefused("old"),
        Rejected("?"),
    )
)
after = st.sampled_from((None, None, Unsure("timeout"), Unsure("500", server_error=True)))
on_read = st.sampled_from((None, None, None, Unsure("timeout"), NetBoxNonsense()))
some_keys = st.frozensets(st.sampled_from(KEYS), max_size=1)
worlds = st.builds(
    World,
    earlier=st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.sampled_from(OWNERS),
            st.sampled_from(("10.0.1.6/29", "10.0.2.2/30", "10.0.9.9/24")),
        ),
        max_size=2,
        unique_by=(lambda row: row[0], lambda row: row[2]),
    ).map(tuple),
    posts=st.lists(before, max_size=4).map(tuple),
    answers=st.lists(after, max_size=3).map(tuple),
    reads=st.lists(on_read, max_size=3).map(tuple),
    marks=st.tuples(*[some_keys] * 5),
)


def play(wishes: Sequence[Member], world: World, cap: int) -> tuple[FakeNetBox, list[Outcome]]:
    """Send all of them at once; what NetBox holds afterwards, and what each was told."""
    netbox = FakeNetBox(
        rows=[held(n + 1, address, key, owner) for n, (key, owner, address) in enumerate(world.earlier)],
        posts=deque(world.posts),
        answers=deque(world.answers),
        reads=deque(world.reads),
    )
    netbox.bad, netbox.forbidden, netbox.poison, netbox.mute, netbox.hidden = map(set, world.marks)
    ticks = itertools.count()

    async def run() -> list[Outcome]:
        clock = lambda: float(next(ticks))  # noqa: E731 - every look at it is later than the one before
        batcher = Batcher(Sender(netbox, clock), clock, Limits(cap=cap, patience=1e9))
        asked = []
        for wish in wishes:
            place = POOLS[wish.pool]
            address = None if wish.host is None else f"{place.network[wish.host]}/{place.network.prefixlen}"
            line = next_free(place) if address is None else explicit(place)
            asked.append(asyncio.create_task(batcher.take(line, draft(wish.key, wish.owner, address))))
            await asyncio.sleep(0)
        return await asyncio.gather(*asked, return_exceptions=True)

    return netbox, asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(st.lists(members, min_size=1, max_size=25), worlds, st.sampled_from((3, 50)))
def test_every_member_gets_one_outcome_and_the_right_one(
    wishes: list[Member], world: World, cap: int
) -> None:
    """Nobody's address is given twice, no claim twice, and a refusal leaves nothing behind."""
    netbox, outcomes = play(wishes, world, cap)
    keys = [row.key for row in netbox.rows]
    hosts = [row.address.ip for row in netbox.rows]
    assert len(keys) == len(set(keys))
    assert len(hosts) == len(set(hosts))
    assert all(len(sent) == len(set(sent)) for sent in netbox.lists)
    for wish, outcome in zip(wishes, outcomes, strict=True):
        check(wish, outcome, netbox, world)
    for key in {wish.key for wish in wishes}:
        told = [outcome for wish, outcome in zip(wishes, outcomes, strict=True) if wish.key == key]
        if all(isinstance(each, BaseException) and not isinstance(each, OutcomeUnknown) for each in told):
            assert key not in {row.key for row in netbox.rows[len(world.earlier) :]}, told


def check(wish: Member, outcome: Outcome, netbox: FakeNetBox, world: World) -> None:
    """An outcome has to have its reason in the world."""
    row = next((row for row in netbox.rows if row.key == wish.key), None)
    if isinstance(outcome, Seated):
        assert row == outcome.address
        assert row.owner == wish.owner
        assert POOLS[wish.pool].holds(row.address.ip)
        assert wish.host is None or row.address.ip == POOLS[wish.pool].network[wish.host]
        return
    bad, forbidden, poison, mute, hidden = world.marks
    failing = (*world.posts, *world.answers, *world.reads)
    unsure = any(isinstance(fault, Unsure | NetBoxNonsense) for fault in failing) or bool(poison)
    reasons: dict[type[BaseException], bool] = {
        OutcomeUnknown: unsure,
        PrefixExhausted: _is_full(wish, netbox),
        errors.NotOwner: row is not None and row.owner != wish.owner,
        errors.KeyConflict: row is not None and _elsewhere(wish, row),
        errors.AddressTaken: wish.host is not None and _taken(wish, netbox),
        errors.ClaimInvisible: wish.key in hidden,
        errors.NetBoxDenied: wish.key in forbidden or any(isinstance(f, TokenRefused) for f in failing),
        errors.RefusedByNetBox: wish.key in bad | mute or any(isinstance(f, Rejected) for f in failing),
        errors.NetBoxUnavailable: any(isinstance(f, NotSent | Unsure) for f in failing),
        errors.NetBoxNonsense: any(isinstance(f, NetBoxNonsense) for f in failing),
    }
    assert reasons.get(type(outcome), False), (wish, outcome)


def _is_full(wish: Member, netbox: FakeNetBox) -> bool:
    place = POOLS[wish.pool]
    return not [host for host in place.network.hosts() if host not in {row.address.ip for row in netbox.rows}]


def _elsewhere(wish: Member, row: Address) -> bool:
    place = POOLS[wish.pool]
    return not place.holds(row.address.ip) or (
        wish.host is not None and row.address.ip != place.network[wish.host]
    )


def _taken(wish: Member, netbox: FakeNetBox) -> bool:
    wanted = POOLS[wish.pool].network[wish.host or 0]
    return any(row.address.ip == wanted and row.key != wish.key for row in netbox.rows)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(OWNERS), min_size=1, max_size=20), st.frozensets(st.integers(0, 19), max_size=4)
)
def test_first_come_first_served_when_a_prefix_runs_out(owners: list[str], bad: frozenset[int]) -> None:
    """Of each caller, the earliest requests are served, and nothing stays free while somebody is refused."""
    wishes = [Member(f"m{n}", owner, 0, None) for n, owner in enumerate(owners)]
    world = World(marks=(frozenset(f"m{n}" for n in bad), *[frozenset[str]()] * 4))
    netbox, outcomes = play(wishes, world, 50)
    room = POOLS[0].network.num_addresses - 2
    good = [
        (wish, outcome)
        for wish, outcome in zip(wishes, outcomes, strict=True)
        if wish.key not in world.marks[0]
    ]
    served = [isinstance(outcome, Seated) for _, outcome in good]
    assert sum(served) == min(room, len(good)) == len(netbox.rows)
    for owner in OWNERS:
        own = [seated for (wish, _), seated in zip(good, served, strict=True) if wish.owner == owner]
        assert own == sorted(own, reverse=True)
