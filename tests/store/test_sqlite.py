"""The store on SQLite: one file, one process, and honest about a file that cannot be written."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from app.domain.errors import LedgerUnavailable
from app.ledger.chain import verify
from app.store import Database, open_database
from app.store.migrate import upgrade
from tests.store.things import ENTRY, EVENT, keep, plain


@pytest.fixture
def url(path: Path) -> str:
    """On SQLite only."""
    return f"sqlite:///{path}"


@pytest.mark.parametrize(("floor", "opens"), [("0001", True), ("9999", False)])
def test_a_ledger_of_a_newer_release_is_opened_only_if_that_says_so(
    path: Path, url: str, floor: str, opens: bool
) -> None:
    """Else its tables may mean something else."""
    open_database(url, "chain-1").close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.execute("UPDATE schema_floor SET revision = ?", (floor,))
    if opens:
        open_database(url, "chain-1").close()
        return
    with pytest.raises(LedgerUnavailable, match="a later release has brought it to 9999"):
        open_database(url, "chain-1")


async def test_a_full_disk_refuses_writes_and_keeps_what_is_there(database: Database) -> None:
    """Nothing of the group is kept; when there is room again, the chain goes on where it ended."""
    await database.write(keep(ENTRY, EVENT))

    def pages(limit: int) -> None:
        with database.backend.engine.connect() as connection:
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
    with database.backend.engine.connect() as connection:
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
    assert found == plain("web", operation="op-1", netbox_id=7, opened_at=1.0, changed_at=2.0)


def test_a_ledger_in_memory_is_refused() -> None:
    """It would be lost with the process, and every thread would have its own."""
    with pytest.raises(LedgerUnavailable, match="needs a file"):
        open_database("sqlite://", "chain-1")


async def test_a_read_only_file_refuses_writes_and_answers_reads(path: Path) -> None:
    """As a volume that was mounted read-only."""
    with closing(open_database(f"sqlite:///{path}", "chain-1")) as database:
        await database.write(keep(ENTRY))
        with database.backend.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(LedgerUnavailable):
            await database.write(lambda tx: tx.drop("web"))
        assert await database.read(lambda tx: tx.entry("web")) == ENTRY


def test_a_new_ledger_is_what_the_migrations_make(path: Path) -> None:
    """It is made from the tables in code, and does not drift apart from what older ledgers become."""
    open_database(f"sqlite:///{path}", "chain-1").close()
    older = path.with_name("older.db")
    engine = create_engine(f"sqlite:///{older}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        upgrade(connection)
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
