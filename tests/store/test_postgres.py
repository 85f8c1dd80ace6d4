"""The store on PostgreSQL: several processes, of which one writes at a time."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect, make_url

from app.domain.errors import LedgerUnavailable
from app.ledger.records import Event, Operation
from app.store import Database, open_database
from app.store.migrate import upgrade
from app.store.postgres import IDLE_SECONDS, WRITING
from tests.proven import flaws
from tests.store.things import ENTRY, EVENT, keep, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.ledger.ports import Tx
    from tests.postgres import Cluster

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """An empty database."""
    with cluster.lending() as lend:
        yield lend("")


@pytest.fixture
def three(url: str) -> Iterator[list[Database]]:
    """Three processes' ways to one ledger."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(open_database(url, f"chain-{number}"))) for number in range(3)]


async def log_of(database: Database) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines of the audit log with their numbers."""
    found: list[Any] = await database.read(lambda tx: tx.events({}, 0, 999))
    return found


async def test_several_that_start_at_once_make_one_ledger(url: str) -> None:
    """One makes the tables, and the others find them."""
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda number: open_database(url, f"chain-{number}"), range(8)))
    await asyncio.gather(*(each.write(keep(replace(EVENT, key=f"k{n}"))) for n, each in enumerate(opened)))
    lines = await log_of(opened[0])
    for each in opened:
        each.close()
    assert [number for number, _ in lines] == list(range(1, 9))


async def test_the_log_of_several_has_one_order_without_gaps(three: list[Database], url: str) -> None:
    """Also where works fail in between; every record says what stands before it."""

    def fail(tx: Tx) -> None:
        tx.append(EVENT)
        raise ValueError("no")

    async def write(database: Database, name: str) -> None:
        for number in range(20):
            await database.write(keep(replace(EVENT, key=f"{name}-{number}")))
            with pytest.raises(ValueError, match="no"):
                await database.write(fail)

    await asyncio.gather(*(write(database, f"p{n}") for n, database in enumerate(three)))
    lines = await log_of(three[0])
    assert [number for number, _ in lines] == list(range(1, 61))
    assert flaws(url) == []
    before = [("", "0" * 64), *((str(line["chain"]), line["hash"]) for _, line in lines)]
    for (chain, last), (_, line) in zip(before, lines, strict=False):
        assert line.get("after") == (None if chain == line["chain"] else last)


SWAP = "UPDATE audit SET number = -{0} WHERE number = {0}"
BACK = "UPDATE audit SET number = {1} WHERE number = -{0}"


@pytest.mark.parametrize("first", range(1, 6))
async def test_records_of_two_processes_that_changed_places_are_found(
    three: list[Database], url: str, cluster: Cluster, first: int
) -> None:
    """Each chain holds in itself all the same: only what a record says of the one before it tells."""
    for number in range(6):
        await three[number % 2].write(keep(replace(EVENT, key=f"k{number}")))
    assert flaws(url) == []
    second = first + 1
    cluster.run(
        url,
        *(SWAP.format(n) for n in (first, second)),
        BACK.format(first, second),
        BACK.format(second, first),
    )
    assert flaws(url)


async def test_a_tail_that_was_cut_is_found(three: list[Database], url: str, cluster: Cluster) -> None:
    """The database counts what it has taken, and numbers are not given twice."""
    await three[0].write(keep(EVENT, EVENT, EVENT))
    cluster.run(url, "DELETE FROM audit WHERE number > 1")
    assert flaws(url) == ["lines 2 to 3 of the log are missing"]
    await three[1].write(keep(EVENT))
    lines = await log_of(three[1])
    assert [number for number, _ in lines] == [1, 4]


async def test_what_one_process_writes_the_next_one_sees_before_it_decides(three: list[Database]) -> None:
    """A hundred counts by three processes, read and written in one transaction each, lose none."""
    await three[0].write(keep(plain("counter", hold_seconds=0)))

    def count(tx: Tx) -> None:
        entry = tx.entry("counter")
        assert entry is not None
        assert entry.hold_seconds is not None
        tx.put(replace(entry, hold_seconds=entry.hold_seconds + 1))

    await asyncio.gather(*(three[n % 3].write(count) for n in range(100)))
    entry = await three[0].read(lambda tx: tx.entry("counter"))
    assert entry is not None
    assert entry.hold_seconds == 100


def test_a_new_ledger_is_what_the_migrations_make(url: str, cluster: Cluster) -> None:
    """It is made from the tables in code, and does not drift apart from what older ledgers become."""
    open_database(url, "chain-1").close()
    with cluster.lending() as lend:
        older = lend("")
        engine = create_engine(make_url(older).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        assert form_of(url) == form_of(older)


def form_of(url: str) -> dict[str, object]:
    """Everything that the database says of its tables, their columns and their indexes."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    looked = inspect(engine)
    found: dict[str, object] = {}
    for table in sorted(looked.get_table_names()):
        columns = [
            (
                column["name"],
                str(column["type"]),
                getattr(column["type"], "collation", None),
                column["nullable"],
            )
            for column in looked.get_columns(table)
        ]
        indexes = sorted(map(str, looked.get_indexes(table)))
        found[table] = (columns, indexes, str(looked.get_pk_constraint(table)))
    engine.dispose()
    return found


async def test_keys_are_in_the_order_of_their_bytes(three: list[Database]) -> None:
    """Whatever the language of the database: pages would leave out what sorts elsewhere."""
    keys = ["Zeta", "a-1", "a.1", "a1", "alpha", "alpha~0", "beta"]
    await three[0].write(keep(*(plain(key) for key in reversed(keys))))
    assert [entry.key for entry in await three[1].read(lambda tx: tx.entries({}, "", 99))] == keys
    assert [entry.key for entry in await three[1].read(lambda tx: tx.entries({}, "a1", 2))] == [
        "alpha",
        "alpha~0",
    ]


async def test_a_server_that_was_restarted_is_found_again(cluster: Cluster, url: str) -> None:
    """The first request after it is answered as if nothing had been."""
    with closing(open_database(url, "chain-1")) as database:
        await database.write(keep(ENTRY, EVENT))
        for how in (signal.SIGINT, signal.SIGQUIT):
            cluster.stop(how)
            with pytest.raises(LedgerUnavailable):
                await database.write(keep(EVENT))
            with pytest.raises(LedgerUnavailable):
                await database.read(lambda tx: tx.entry("web"))
            cluster.start()
            assert await database.read(lambda tx: tx.entry("web")) == ENTRY
            await database.write(keep(EVENT))
    assert flaws(url) == []


async def test_sessions_that_an_administrator_ended_are_opened_again(cluster: Cluster, url: str) -> None:
    """Nobody is told: nothing had been begun on them."""
    with closing(open_database(url, "chain-1")) as database:
        await database.write(keep(ENTRY))
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        cluster.run(url, f"{end} AND pid <> pg_backend_pid()")
        await database.write(keep(EVENT))
        assert await database.read(lambda tx: tx.entry("web")) == ENTRY


async def test_a_process_that_is_stopped_while_it_writes_does_not_stop_the_others(
    three: list[Database],
) -> None:
    """It loses its session, and what it had not committed."""
    entered, opened = threading.Event(), threading.Event()

    def stopped(tx: Tx) -> None:
        tx.append(EVENT)
        entered.set()
        opened.wait(30)

    slow = asyncio.ensure_future(three[0].write(stopped))
    await asyncio.to_thread(entered.wait, 10)
    began = time.monotonic()
    await three[1].write(keep(replace(EVENT, key="other")))
    assert IDLE_SECONDS - 1 < time.monotonic() - began < IDLE_SECONDS + 4
    opened.set()
    with pytest.raises(LedgerUnavailable):
        await slow
    await three[0].write(keep(replace(EVENT, key="again")))
    lines = await log_of(three[1])
    assert [(number, line["key"]) for number, line in lines] == [(1, "other"), (2, "again")]


async def test_a_commit_waits_for_the_disk_whatever_the_server_was_told(cluster: Cluster) -> None:
    """An administrator who turned that off for speed has not turned it off for what Berth promises."""
    with cluster.lending() as lend:
        url = lend("")
        name = url.partition("@/")[2].partition("?")[0]
        cluster.run(url, f"ALTER DATABASE {name} SET synchronous_commit = off")
        with closing(open_database(url, "chain-1")) as database:
            assert await database.write(_waits_for_the_disk) == "on"


def _waits_for_the_disk(tx: Tx) -> str:
    cursor = tx._cursor  # type: ignore[attr-defined]
    cursor.execute("SHOW synchronous_commit")
    found: str = cursor.fetchone()[0]
    return found


async def test_the_clock_is_the_servers(three: list[Database], cluster: Cluster, url: str) -> None:
    """All processes have the same, within the time of a round trip."""
    await asyncio.gather(*(database.write(keep(EVENT)) for database in three))
    [[now]] = cluster.ask(url, "SELECT extract(epoch FROM clock_timestamp())::float8")
    assert isinstance(now, float)
    assert all(abs(database.clock() - now) < 1.0 for database in three)


async def test_a_key_is_held_until_it_is_over_or_its_time_is(three: list[Database]) -> None:
    """By one process; the parts of a machine with it."""
    mine, other, _ = three
    await mine.write(keep(Operation(id="op", key="vm~0~v4~1", action="allocate", started_at=1.0)))

    async def seen(by: Database, turn: str = "vm") -> tuple[bool, bool]:
        return await by.read(lambda tx: (tx.held_elsewhere(turn), tx.left_behind(turn)))

    assert await seen(other) == (False, True)  # an older release began it, and nobody holds it
    await mine.write(lambda tx: tx.keep("vm", 30.0))
    assert (await seen(mine), await seen(other)) == ((False, False), (True, True))
    assert await seen(other, "vm2") == await seen(other, "v") == (False, False)
    await other.write(lambda tx: tx.let_go("vm"))  # it is not theirs to let go
    assert await seen(other) == (True, True)
    await mine.write(lambda tx: tx.let_go("vm"))
    assert await seen(other) == (False, True)
    await mine.write(lambda tx: tx.keep("vm", 0.2))
    assert await seen(other) == (True, True)
    await asyncio.sleep(0.3)
    assert await seen(other) == (False, True)
    await other.write(lambda tx: tx.keep("vm", 30.0))
    assert (await seen(mine), await seen(other)) == ((True, True), (False, False))
    await other.write(lambda tx: tx.finish("op", "allocated"))
    assert await seen(mine) == (False, False)


async def test_a_job_is_done_by_one_until_its_time_is_over(three: list[Database]) -> None:
    """Who has it may take it again; who gives it up lets the others have it at once."""

    def lease(number: int, seconds: float) -> asyncio.Future[bool]:
        return asyncio.ensure_future(three[number].write(lambda tx: tx.lease("reconcile", seconds)))

    taken = await asyncio.gather(*(lease(n, 30.0) for n in range(3)))
    assert sorted(taken) == [False, False, True]
    holder = taken.index(True)
    assert await lease(holder, 0.2)
    await asyncio.sleep(0.3)
    other = (holder + 1) % 3
    assert await lease(other, 30.0)
    assert not await lease(holder, 30.0)
    await three[holder].write(lambda tx: tx.give_up("reconcile"))  # it is not theirs to give up
    assert not await lease(holder, 30.0)
    await three[other].write(lambda tx: tx.give_up("reconcile"))
    assert await lease(holder, 30.0)


async def test_what_the_database_cannot_hold_is_refused_alone(three: list[Database]) -> None:
    """A text with a zero byte; who wrote beside it is not disturbed."""
    results = await asyncio.gather(
        three[0].write(keep(plain("bad", reference="a\0b"))),
        three[0].write(keep(plain("good"))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [LedgerUnavailable, type(None)]
    assert await three[0].read(lambda tx: tx.entry("good")) is not None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda url: url.replace("netbox@", "nobody:secret@"), "nobody"),
        (lambda url: url.replace("@/berth_", "@/none_"), "does not exist"),
        (lambda _url: "postgresql://berth:secret@127.0.0.1:1/berth", "refused"),
    ],
    ids=["no such role", "no such database", "nobody listens"],
)
def test_a_server_that_cannot_be_used_is_told_without_the_password(
    url: str, spoil: object, says: str
) -> None:
    """And not with a stack trace."""
    with pytest.raises(LedgerUnavailable, match="cannot be opened") as caught:
        open_database(spoil(url), "chain-1")  # type: ignore[operator]
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_in_another_encoding_is_refused(cluster: Cluster) -> None:
    """It could not hold every name."""
    with cluster.lending() as lend:
        latin = lend("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with pytest.raises(LedgerUnavailable, match="ENCODING 'UTF8'"):
            open_database(latin, "chain-1")


def test_the_advisory_lock_is_one_that_can_be_looked_up() -> None:
    """`pg_locks` shows it to whoever looks for what holds Berth up."""
    assert WRITING.to_bytes(5, "big") == b"berth"


def test_what_is_written_is_json(url: str, cluster: Cluster) -> None:
    """So that an administrator can search it."""

    async def write() -> None:
        with closing(open_database(url, "chain-1")) as database:
            await database.write(keep(ENTRY, Event(event="note", action="x", time=1.0)))

    asyncio.run(write())
    [[tags]] = cluster.ask(url, "SELECT sent->>'tags' FROM entries")
    assert json.loads(str(tags)) == ["b", "a"]
