"""The SQLite store: durable in groups, and honest about a database that cannot be written."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from app.domain.errors import LedgerUnavailable
from app.ledger.chain import GENESIS, Head, verify
from app.ledger.ports import Tx
from app.ledger.proof import Line, Proof
from app.ledger.records import Entry, Event, Operation, State
from app.store import Database, open_database
from app.store.database import READERS
from app.store.migrate import upgrade

ENTRY = Entry(
    key="web",
    owner="alice",
    state=State.PENDING,
    operation="op-1",
    family=4,
    vrf_id=3,
    dns_name="web.example.com",
    name_claim="3/4/web.example.com",
    prefix="10.0.0.0/24",
    netbox_id=7,
    address="10.0.0.7/24",
    sent={"tags": ["b", "a"], "description": "Grüße"},
    mac_address="52:54:00:12:34:56",
    assigned="dcim.interface:12",
    adopted=True,
    hold_seconds=60,
    hold_until=1060.25,
    requested_by="Alice",
    reference="T-1",
    opened_at=1000.25,
    changed_at=1000.5,
)
EVENT = Event(event="intent", action="allocate", time=1000.0, key="web", owner="alice")


class Gate:
    """A work that keeps the writer busy until the test opens it."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, _tx: Tx) -> None:
        """Wait in the writer."""
        self.entered.set()
        self.opened.wait(10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "ledger" / "berth.db"


@pytest.fixture
def groups() -> list[int]:
    """How many works each commit held."""
    return []


@pytest.fixture
def database(path: Path, groups: list[int]) -> Iterator[Database]:
    """A new database; its folder is made."""
    with closing(
        open_database(f"sqlite:///{path}", "chain-1", lambda _, works: groups.append(works))
    ) as opened:
        yield opened


def keep(*things: Entry | Event | Operation) -> Callable[[Tx], None]:
    """The work that writes these down."""

    def work(tx: Tx) -> None:
        for thing in things:
            if isinstance(thing, Entry):
                tx.put(thing)
            elif isinstance(thing, Event):
                tx.append(thing)
            else:
                tx.begin(thing)

    return work


async def test_an_entry_comes_back_as_it_was_written(database: Database) -> None:
    """New, changed and dropped; what was sent keeps its order."""
    await database.write(keep(ENTRY))
    assert await database.read(lambda tx: tx.entry("web")) == ENTRY
    changed = replace(ENTRY, state=State.DONE, sent={}, hold_until=None)
    await database.write(keep(changed))
    assert await database.read(lambda tx: tx.entry("web")) == changed
    await database.write(lambda tx: tx.drop("web"))
    assert await database.read(lambda tx: tx.entry("web")) is None


def _plain(key: str, state: State = State.DONE, **fields: object) -> Entry:
    bare = Entry(key=key, owner="alice", state=state, operation=f"op-{key}", family=4, prefix="10.0.0.0/24")
    return replace(bare, **fields)  # type: ignore[arg-type]


async def test_entries_are_found_by_what_they_hold(database: Database) -> None:
    """By name and object while they are live; pages by key and by time."""

    def fill(tx: Tx) -> None:
        tx.put(_plain("a", name_claim="n", dns_name="w", netbox_id=1, changed_at=3.0))
        tx.put(_plain("b", hold_until=50.0, owner="bob", dns_name="w", changed_at=2.0))
        tx.put(_plain("c", hold_until=40.0, changed_at=2.0))
        tx.put(_plain("d", State.RELEASED, netbox_id=2, dns_name="w", hold_until=1.0, changed_at=1.0))

    await database.write(fill)

    def keys(found: list[Entry]) -> str:
        return "".join(entry.key for entry in found)

    def look(tx: Tx) -> dict[str, object]:
        name, held, gone = tx.holder_of_name("n"), tx.holder_of_object(1), tx.holder_of_object(2)
        return {
            "holders": (name and name.key, held and held.key, gone),
            "named": keys(tx.named("w", "10.0.0.0/24")),
            "all": keys(tx.entries({}, "", 9)),
            "after": keys(tx.entries({}, "a", 1)),
            "held": keys(tx.entries({"state": "held"}, "", 9)),
            "active": keys(tx.entries({"state": "active", "owner": "alice"}, "", 9)),
            "bob's w": keys(tx.entries({"owner": "bob", "dns_name": "w"}, "", 9)),
            "done": keys(tx.in_state(State.DONE, (0.0, ""), 9)),
            "done after b": keys(tx.in_state(State.DONE, (2.0, "b"), 9)),
            "due": keys(tx.due(50.0, "", 9)),
            "due early": keys(tx.due(49.0, "", 9)),
            "due after b": keys(tx.due(50.0, "b", 9)),
        }

    assert await database.read(look) == {
        "holders": ("a", "a", None),
        "named": "ab",
        "all": "abc",
        "after": "b",
        "held": "bc",
        "active": "a",
        "bob's w": "b",
        "done": "bca",
        "done after b": "ca",
        "due": "bc",
        "due early": "c",
        "due after b": "c",
    }


async def test_operations_are_open_until_they_have_an_outcome(database: Database) -> None:
    """The oldest first."""
    new, old = (
        Operation(id=name, key="web", action="allocate", started_at=at)
        for name, at in (("new", 2.0), ("old", 1.0))
    )
    await database.write(keep(new, old))
    assert await database.read(lambda tx: tx.unfinished(9)) == [old, new]
    assert await database.read(lambda tx: [tx.overdue(at) for at in (0.5, 1.0, 2.5)]) == [0, 1, 2]
    await database.write(lambda tx: tx.finish("old", "allocated"))
    assert await database.read(lambda tx: tx.unfinished(9)) == [new]
    assert await database.read(lambda tx: tx.overdue(2.5)) == 1
    assert await database.read(lambda tx: (tx.is_open("new"), tx.is_open("old"), tx.is_open("none"))) == (
        True,
        False,
        False,
    )


async def test_the_audit_log_is_searched_and_chained(database: Database) -> None:
    """By any field that has a column; the chain is one across transactions."""
    for key in ("web", "db"):
        await database.write(keep(replace(EVENT, key=key)))
    lines = await database.read(lambda tx: tx.events({"key": "db"}, 0, 9))
    assert [(number, line["key"]) for number, line in lines] == [(2, "db")]  # type: ignore[call-overload, index]
    assert await database.read(lambda tx: tx.events({}, 2, 9)) == []
    stored = await database.read(lambda tx: tx.chains(0, 9))
    assert [(number, each.chain, each.sequence) for number, each in stored] == [
        (1, "chain-1", 0),
        (2, "chain-1", 1),
    ]
    assert list(verify(each for _, each in stored)) == []


async def test_what_waits_together_is_committed_together(database: Database, groups: list[int]) -> None:
    """One durable write for many works; a work that raises is rolled back alone."""
    gate = Gate()

    def bad(tx: Tx) -> None:
        tx.put(_plain("bad"))
        tx.append(EVENT)
        raise ValueError("bad")

    first = asyncio.ensure_future(database.write(gate))
    await asyncio.to_thread(gate.entered.wait, 10)
    many = [database.write(keep(_plain(f"k{n}"))) for n in range(5)]
    waiting = asyncio.gather(database.write(bad), *many, return_exceptions=True)
    await asyncio.sleep(0)
    gate.opened.set()
    results = await waiting
    await first
    assert isinstance(results[0], ValueError)
    assert groups == [1, 6]
    assert [entry.key for entry in await database.read(lambda tx: tx.entries({}, "", 9))] == [
        f"k{n}" for n in range(5)
    ]
    assert await database.read(lambda tx: tx.events({}, 0, 9)) == []


async def test_a_broken_constraint_is_its_own_works(database: Database) -> None:
    """Two live entries with one object: the second is refused, its neighbours are not."""
    await database.write(keep(_plain("a", netbox_id=1)))
    results = await asyncio.gather(
        database.write(keep(_plain("b", netbox_id=1))),
        database.write(keep(_plain("c", netbox_id=2))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [LedgerUnavailable, type(None)]
    assert await database.read(lambda tx: tx.entry("c")) is not None


async def test_who_does_not_wait_any_more_is_not_answered(database: Database) -> None:
    """The work is done all the same."""
    task = asyncio.ensure_future(database.write(keep(ENTRY)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.read(lambda tx: tx.entry("none")) is None
    await database.write(keep(EVENT))
    assert await database.read(lambda tx: tx.entry("web")) == ENTRY


def test_a_loop_that_is_gone_is_not_answered(database: Database) -> None:
    """Its works are committed, and the writer goes on for others."""
    loop = asyncio.new_event_loop()
    gate = Gate()
    task = loop.create_task(database.write(gate))
    loop.run_until_complete(asyncio.sleep(0))
    gate.entered.wait(10)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    gate.opened.set()
    asyncio.run(database.write(keep(ENTRY)))
    assert asyncio.run(database.read(lambda tx: tx.entry("web"))) == ENTRY


async def test_a_full_disk_refuses_writes_and_keeps_what_is_there(database: Database) -> None:
    """Nothing of the group is kept; when there is room again, the chain goes on where it ended."""
    await database.write(keep(ENTRY, EVENT))

    def pages(limit: int) -> None:
        with database.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={limit}")

    pages(1)  # SQLite takes the number of pages that there are for the limit
    big = replace(ENTRY, key="big", netbox_id=8, name_claim=None, reference="x" * 300_000)
    with pytest.raises(LedgerUnavailable):
        await database.write(keep(EVENT, big))
    assert await database.read(lambda tx: tx.entry("web")) == ENTRY
    pages(1_000_000)
    await database.write(keep(EVENT, big))
    stored = await database.read(lambda tx: tx.chains(0, 9))
    assert [each.sequence for _, each in stored] == [0, 1]
    assert list(verify(each for _, each in stored)) == []


async def test_a_database_that_another_holds_refuses_writes(database: Database, path: Path) -> None:
    """And takes them again when it is let go; the first record of a chain finds its place after an error."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable):
            await database.write(keep(ENTRY))
    await database.write(keep(ENTRY, EVENT))
    assert await database.read(lambda tx: tx.entry("web")) == ENTRY


async def test_a_table_that_is_gone_is_no_ledger(database: Database, path: Path) -> None:
    """Neither to read nor to write, and the writer lives on."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE entries RENAME TO elsewhere")
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            await database.write(keep(ENTRY))
        with pytest.raises(LedgerUnavailable):
            await database.read(lambda tx: tx.entry("web"))


async def test_a_closed_database_refuses_at_once(path: Path) -> None:
    """Nobody waits for a writer that has gone; what waited before is written."""
    database = open_database(f"sqlite:///{path}", "chain-1")
    gate = Gate()
    slow = asyncio.ensure_future(database.write(gate))
    await asyncio.to_thread(gate.entered.wait, 10)
    last = asyncio.ensure_future(database.write(keep(ENTRY)))
    closing_it = asyncio.ensure_future(asyncio.to_thread(database.close))
    while database._jobs.qsize() < 2:  # noqa: ASYNC110 - nothing tells that a thread waits for another
        await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(slow, last, closing_it)
    with pytest.raises(LedgerUnavailable):
        await database.write(keep(ENTRY))
    with pytest.raises(LedgerUnavailable):
        await database.read(lambda tx: tx.entry("web"))


async def test_what_is_written_is_there_after_a_restart(path: Path) -> None:
    """A new process begins a chain of its own."""
    for chain in ("one", "two"):
        with closing(open_database(f"sqlite:///{path}", chain)) as database:
            await database.write(keep(ENTRY, EVENT))
            stored = await database.read(lambda tx: tx.chains(0, 9))
    assert [(each.chain, each.sequence) for _, each in stored] == [("one", 0), ("two", 0)]
    assert list(verify(each for _, each in stored)) == []


async def test_a_chain_is_anchored_in_the_log_as_its_transaction_sees_it(path: Path) -> None:
    """Not as the process found it: another chain may have begun, and gone on, since then."""
    with closing(open_database(f"sqlite:///{path}", "one")) as one:
        two = Database(one.engine, Head("two"), one.lock, lambda _seconds, _works: None)
        for database in (one, two, one, two):
            await database.write(keep(EVENT))
        stored = [each for _, each in await one.read(lambda tx: tx.chains(0, 9))]
        anchors = [json.loads(each.body).get("after") for each in stored]
        assert anchors == [GENESIS, stored[0].hash, None, None]
        lines = [Line(number, each, {}) for number, each in enumerate(stored, 1)]
        assert list(Proof().flaws(lines, 4)) == []
        for waiting in (two._jobs, *[two._questions] * READERS):
            waiting.put(None)
        for thread in two._threads:
            thread.join()


async def test_a_first_record_that_was_rolled_back_anchors_nothing(database: Database) -> None:
    """The next one is the chain's first, and stands where that one would have stood."""

    def fail(tx: Tx) -> None:
        tx.append(EVENT)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(fail)
    await database.write(keep(EVENT, EVENT))
    stored = [each for _, each in await database.read(lambda tx: tx.chains(0, 9))]
    assert [json.loads(each.body).get("after") for each in stored] == [GENESIS, None]


def test_a_second_process_is_refused(database: Database, path: Path) -> None:
    """SQLite serves one; the lock goes when the first one goes."""
    with pytest.raises(LedgerUnavailable, match="Another process has the ledger"):
        open_database(f"sqlite:///{path}", "chain-2")
    database.close()
    open_database(f"sqlite:///{path}", "chain-2").close()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.parent.parent.joinpath("ledger").write_text(""), "cannot be written"),
        (lambda path: (path.parent.mkdir(), path.write_text("no database" * 500)), "cannot be opened"),
        (lambda path: (path.parent.mkdir(), path.mkdir()), "cannot be opened"),
    ],
    ids=["its folder is a file", "it is no database", "it is a folder"],
)
def test_a_ledger_that_cannot_be_opened_says_why(path: Path, spoil: object, says: str) -> None:
    """And lets go of the lock, so that a mended one can be opened."""
    spoil(path)  # type: ignore[operator]
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match=says):
            open_database(f"sqlite:///{path}", "chain-1")


def test_a_ledger_of_a_newer_release_is_left_alone(path: Path) -> None:
    """Its tables may mean something else."""
    open_database(f"sqlite:///{path}", "chain-1").close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerUnavailable, match="9999"):
        open_database(f"sqlite:///{path}", "chain-1")


async def test_entries_of_the_first_release_are_read_as_they_were(path: Path) -> None:
    """Whatever came later is not known of them."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    from app.store import migrate  # noqa: PLC0415

    path.parent.mkdir()
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    first = create_engine(f"sqlite:///{path}")
    with first.begin() as config.attributes["connection"]:
        command.upgrade(config, "0001")
    first.dispose()
    names = "key, owner, state, operation, family, dns_name, prefix, netbox_id, sent, opened_at, changed_at"
    values = ("web", "alice", "done", "op-1", 4, "", "10.0.0.0/24", 7, "{}", 1.0, 2.0)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(f"INSERT INTO entries ({names}) VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - no one's text
    with closing(open_database(f"sqlite:///{path}", "chain-1")) as database:
        found = await database.read(lambda tx: tx.entry("web"))
    assert found == _plain("web", operation="op-1", netbox_id=7, opened_at=1.0, changed_at=2.0)


def test_a_ledger_in_memory_is_refused() -> None:
    """It would be lost with the process, and every thread would have its own."""
    with pytest.raises(LedgerUnavailable, match="needs a file"):
        open_database("sqlite://", "chain-1")


async def test_a_read_that_fails_is_its_own_and_the_next_one_works(database: Database) -> None:
    """Whether the question was wrong or the database broken, which asks for a new connection."""
    await database.write(keep(ENTRY))

    def broken(_tx: Tx) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    def wrong(_tx: Tx) -> None:
        raise ValueError("no such question")

    for _ in range(3):  # more often than there are readers
        with pytest.raises(LedgerUnavailable):
            await database.read(broken)
        with pytest.raises(ValueError, match="no such question"):
            await database.read(wrong)
        assert await database.read(lambda tx: tx.entry("web")) == ENTRY


async def test_a_read_only_file_refuses_writes_and_answers_reads(path: Path) -> None:
    """As a volume that was mounted read-only."""
    with closing(open_database(f"sqlite:///{path}", "chain-1")) as database:
        await database.write(keep(ENTRY))
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(LedgerUnavailable):
            await database.write(lambda tx: tx.drop("web"))
        assert await database.read(lambda tx: tx.entry("web")) == ENTRY


def test_a_new_ledger_is_what_the_migrations_make(path: Path) -> None:
    """It is made from the tables in code, and does not drift apart from what older ledgers become."""
    open_database(f"sqlite:///{path}", "chain-1").close()
    older = path.with_name("older.db")
    engine = create_engine(f"sqlite:///{older}", isolation_level="AUTOCOMMIT")
    upgrade(engine)
    engine.dispose()
    assert form_of(path) == form_of(older)


def form_of(path: Path) -> list[object]:
    """Everything that a database says of its tables, their columns and their indexes."""
    with closing(sqlite3.connect(path)) as database:
        made = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        things = [(kind, name, table, sql or "") for kind, name, table, sql in made]
        return [
            *(
                (kind, name, table, sql if kind == "index" else "AUTOINCREMENT" in sql)
                for kind, name, table, sql in things
            ),
            *(
                (name, database.execute(f"PRAGMA table_xinfo({name})").fetchall())
                for kind, name, _, _ in things
                if kind == "table"
            ),
            database.execute("SELECT * FROM alembic_version").fetchall(),
        ]


def test_an_up_to_date_ledger_is_recognised_by_the_newest_migration() -> None:
    """So that a restart needs no Alembic; the constant follows the folder of migrations."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    from app.store import migrate  # noqa: PLC0415

    folder = Path(migrate.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == migrate.HEAD


async def test_a_touch_is_a_write(tmp_path: Path) -> None:
    """It adds to the log of the writes, and so fails where there is no room for it."""
    database = open_database(f"sqlite:///{tmp_path / 'berth.db'}", "chain")
    written = tmp_path / "berth.db-wal"
    before = written.stat().st_size
    await database.write(lambda tx: tx.touch())
    grown = written.stat().st_size - before
    database.close()
    assert grown > 0
