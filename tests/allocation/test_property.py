"""Whatever comes in and whatever NetBox does: one outcome each, and the right one."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.allocation.batcher import Batcher, Limits
from app.allocation.seats import Batch, Seat, Seated
from app.allocation.sender import Sender
from app.domain.errors import BerthError, NetBoxNonsense, OutcomeUnknown, Overloaded
from app.domain.inventory import Address, Reference
from app.domain.upstream import Missing, NotSent, Rejected, TokenRefused, Unsure
from tests.allocation.fake import FakeNetBox, Late, Plan, draft, explicit, held, next_free, pool
from tests.allocation.oracle import Member, Oracle, Told
from tests.allocation.wire import Garbled

POOLS = (
    pool(1, "10.0.1.0/29"),
    pool(2, "10.0.2.0/30"),
    pool(3, "10.0.3.0/28"),
    pool(4, "10.0.1.0/29", vrf=7),  # the same network elsewhere
)
OWNERS = ("alice", "bob")
KEYS = tuple(f"k{n}" for n in range(14))
EARLIER = (
    ("10.0.1.6/29", None, None),
    ("10.0.1.6/29", 7, None),
    ("10.0.2.2/30", None, "anycast"),
    ("10.0.3.1/28", None, "vip"),
    ("10.0.9.9/24", None, None),
)
BEFORE = (
    *[None] * 3,
    Unsure("reset"),
    Unsure("500", server_error=True),
    Late(0),
    Late(1),
    NotSent("refused"),
    NotSent("queue", overloaded=True),
    Missing("gone"),
    TokenRefused("old"),
    Rejected("?"),
)
AFTER = (*[None] * 3, Unsure("timeout"), Unsure("500", server_error=True), *Garbled)
READS = (None, None, None, Unsure("timeout"), NetBoxNonsense())


@dataclass(frozen=True)
class World:
    """What stands in NetBox before, what it does, and what the batcher is told to do."""

    earlier: Sequence[tuple[str, str, tuple[str, int | None, str | None]]] = ()
    posts: Sequence[Plan] = ()
    answers: Sequence[Plan] = ()
    reads: Sequence[Plan] = ()
    marks: Sequence[frozenset[str]] = field(default=(frozenset(),) * 5)
    limits: Limits = field(default_factory=lambda: Limits(patience=1e9))
    takes: float = 0.0
    leaving: frozenset[int] = frozenset()

    def netbox(self) -> FakeNetBox:
        """It."""
        rows = [_earlier(number, *each) for number, each in enumerate(self.earlier, 1)]
        netbox = FakeNetBox(rows, deque(self.posts), deque(self.answers), deque(self.reads), takes=self.takes)
        netbox.bad, netbox.forbidden, netbox.poison, netbox.mute, netbox.hidden = map(set, self.marks)
        return netbox


def _earlier(number: int, key: str, owner: str, what: tuple[str, int | None, str | None]) -> Address:
    address, vrf, role = what
    where = None if vrf is None else Reference(vrf, f"vrf{vrf}")
    return replace(held(number, address, key, owner, role), vrf=where)


members = st.builds(
    Member,
    key=st.sampled_from(KEYS),
    owner=st.sampled_from(("alice", "alice", "alice", "bob")),
    pool=st.sampled_from(POOLS),
    host=st.sampled_from((None, None, None, 1, 2)),
    shared_roles=st.booleans(),
)
some_keys = st.frozensets(st.sampled_from(KEYS), max_size=3) | st.just(frozenset[str]())
worlds = st.builds(
    World,
    earlier=st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(OWNERS), st.sampled_from(EARLIER)),
        max_size=3,
        unique_by=(lambda row: row[0], lambda row: row[2]),
    ),
    posts=st.lists(st.sampled_from(BEFORE), max_size=4),
    answers=st.lists(st.sampled_from(AFTER), max_size=3),
    reads=st.lists(st.sampled_from(READS), max_size=3),
    marks=st.tuples(*[some_keys] * 5),
    limits=st.builds(
        Limits,
        cap=st.sampled_from((3, 50)),
        flights=st.sampled_from((1, 1, 2, 3)),
        queue=st.sampled_from((4, 1000)),
        patience=st.sampled_from((6.0, 1e9)),
    ),
    takes=st.sampled_from((0.0, 1.0)),
    leaving=st.frozensets(st.integers(0, 24), max_size=2),
)


@dataclass(frozen=True, slots=True, eq=False)
class Listening(Seat):
    """A seat that remembers everything that it was told, also what came after the first."""

    heard: list[object] = field(default_factory=list)

    def fill(self, seated: Seated) -> None:
        """An address."""
        self.heard.append(seated)
        Seat.fill(self, seated)

    def refuse(self, error: BerthError) -> None:
        """A refusal."""
        self.heard.append(error)
        Seat.refuse(self, error)


@dataclass(frozen=True)
class Watched(Sender):
    """A sender that notes every batch of which somebody was told nothing, or two things."""

    wrong: list[object] = field(default_factory=list)

    async def serve(self, batch: Batch) -> None:
        """Serve it, and see who was told what."""
        if all(isinstance(seat, Listening) for seat in batch.seats):
            return await Sender.serve(self, batch)
        names = Seat.__dataclass_fields__
        seats = [Listening(**{name: getattr(seat, name) for name in names}) for seat in batch.seats]
        try:
            await Sender.serve(self, batch.only(seats))
        except Exception as error:
            self.wrong.append(error)
            raise
        self.wrong.extend(seat.heard for seat in seats if len(seat.heard) != 1)
        return None


def play(wishes: Sequence[Member], world: World) -> tuple[FakeNetBox, list[Told]]:
    """Send all of them at once; what NetBox holds afterwards, and what each was told."""
    netbox = world.netbox()
    sender = Watched(netbox, netbox.clock)
    batcher = Batcher(sender, netbox.clock, world.limits)

    async def one(number: int, wish: Member) -> Told:
        name, began = f"m{number}", netbox.now
        crowded = batcher.waiting >= world.limits.queue
        line = next_free(wish.pool) if wish.host is None else explicit(wish.pool)
        left = False
        outcome: Seated | BaseException
        try:
            outcome = await batcher.take(
                line, draft(wish.key, wish.owner, wish.address, name), shared_roles=wish.shared_roles
            )
        except BerthError as error:
            outcome = error
            crowded = crowded or _is_long(error, world.limits)
        except asyncio.CancelledError as error:
            left, outcome = True, error
        late = netbox.now >= began + world.limits.patience
        return Told(name, wish, outcome, late=late, crowded=crowded, left=left)

    async def run() -> list[Told]:
        asked = []
        for number, wish in enumerate(wishes):
            asked.append(asyncio.create_task(one(number, wish)))
            await asyncio.sleep(0)
        for number in world.leaving & {*range(len(asked))}:
            asked[number].cancel()
        told = [await task for task in asked]
        for _ in range(3):  # who has left may wait for the launch still
            await asyncio.sleep(0)
        assert (batcher.waiting, sender.wrong) == (0, [])
        return told

    told = asyncio.run(run())
    netbox.settle()
    return netbox, told


def _is_long(error: BerthError, limits: Limits) -> bool:
    """Whether the queue was said to be longer than a request can wait."""
    return isinstance(error, Overloaded) and error.retry_after > limits.patience


@settings(max_examples=600, deadline=None)
@given(st.lists(members, min_size=1, max_size=25), worlds)
def test_every_member_gets_one_outcome_and_the_right_one(wishes: list[Member], world: World) -> None:
    """Nobody's address is given twice, no claim twice, and an error has its reason in what struck it."""
    netbox, told = play(wishes, world)
    keys = [row.key for row in netbox.rows]
    hosts = [(row.vrf_id, row.address.ip) for row in netbox.rows]
    assert len(keys) == len(set(keys))
    assert len(hosts) == len(set(hosts))
    assert all(len(sent) == len(set(sent)) for sent in netbox.lists)
    oracle = Oracle(netbox)
    for each in told:
        oracle.judge(each)
    for key in {wish.key for wish in wishes}:
        _check_key(key, [each for each in told if each.member.key == key], netbox, len(world.earlier))


def _check_key(key: str, told: Sequence[Told], netbox: FakeNetBox, earlier: int) -> None:
    """A refusal leaves nothing behind, and one alone is told that it was made for it."""
    row = next((row for row in netbox.rows if row.key == key), None)
    made = row is not None and row.id > earlier
    unsettled = any(each.left or isinstance(each.outcome, OutcomeUnknown) for each in told)
    if not unsettled and not any(isinstance(each.outcome, Seated) for each in told):
        assert not made, told
    first = [each for each in told if isinstance(each.outcome, Seated) and not each.outcome.adopted]
    expected = int(made and row is not None and row.id in netbox.answered)
    assert len(first) == expected or (any(each.left for each in told) and not first), (told, expected)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(OWNERS), min_size=1, max_size=20), st.frozensets(st.integers(0, 19), max_size=4)
)
def test_first_come_first_served_when_a_prefix_runs_out(owners: list[str], bad: frozenset[int]) -> None:
    """Of each caller, the earliest requests are served, and nothing stays free while somebody is refused."""
    wishes = [Member(f"m{n}", owner, POOLS[0], None) for n, owner in enumerate(owners)]
    world = World(marks=(frozenset(f"m{n}" for n in bad), *[frozenset[str]()] * 4))
    netbox, told = play(wishes, world)
    room = POOLS[0].network.num_addresses - 2
    good = [each for each in told if each.member.key not in world.marks[0]]
    served = [isinstance(each.outcome, Seated) for each in good]
    assert sum(served) == min(room, len(good)) == len(netbox.rows)
    for owner in OWNERS:
        own = [each for each, seated in zip(served, good, strict=True) if seated.member.owner == owner]
        assert own == sorted(own, reverse=True)
