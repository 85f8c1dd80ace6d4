"""The ledger for a reader: nothing is written or locked, and a running Berth does not mind."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.domain.errors import LedgerUnavailable
from app.ledger.proof import Line
from app.ledger.records import ChainedEvent, Entry, Event, State
from app.store.locator import database_url, said, shown
from app.store.tables import audit, entries
from app.store.transaction import decoded

_AT_ONCE = 1000
_TAKEN = "SELECT lines FROM audit_taken"
_STORED = tuple(audit.c[field.name] for field in fields(ChainedEvent))
_SEARCHED = tuple(field.name for field in fields(Event) if field.name in audit.c)


@dataclass(frozen=True, slots=True)
class Archive:
    """What the database holds."""

    connection: Connection

    def counted(self) -> int:
        """How many audit lines the database has ever taken."""
        sqlite = self.connection.dialect.name == "sqlite"
        count = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'" if sqlite else _TAKEN
        return int(self.connection.execute(text(count)).scalar() or 0)

    def lines(self) -> Iterator[Line]:
        """The audit log, in order of number, as it is at one moment."""
        columns = (audit.c.number, *_STORED, *(audit.c[name] for name in _SEARCHED))
        for row in self.connection.execute(select(*columns).order_by(audit.c.number)):
            values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
            stored = ChainedEvent(*(values[column] for column in _STORED))
            yield Line(values["number"], stored, {name: values[name] for name in _SEARCHED})

    def done(self) -> Iterator[Sequence[Entry]]:
        """Every key that stands for an address, in order, a thousand at a time."""
        after = ""
        while rows := self._done(after):
            yield rows
            after = rows[-1].key

    def _done(self, after: str) -> list[Entry]:
        query = select(entries).where(entries.c.state == State.DONE, entries.c.key > after)
        found = self.connection.execute(query.order_by(entries.c.key).limit(_AT_ONCE))
        return [decoded(row) for row in found.mappings()]


@contextmanager
def open_archive(url: str) -> Iterator[Archive]:
    """Open the database for reading only.

    Raises:
        LedgerUnavailable: there is none, or it cannot be read.
    """
    made = database_url(url)
    name, engine = _of_sqlite(made) if made.drivername == "sqlite" else _of_postgres(made)
    try:
        with engine.connect() as connection:
            yield Archive(connection.execution_options(yield_per=_AT_ONCE))
    except (DBAPIError, sqlite3.Error) as error:
        raise LedgerUnavailable(f"The ledger {name} cannot be read: {said(error)}") from error
    finally:
        engine.dispose()


def _of_sqlite(url: URL) -> tuple[str, Engine]:
    path = Path(url.database or "").absolute()
    return str(path), create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. A file that is not there is not made."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)


def _of_postgres(url: URL) -> tuple[str, Engine]:
    """All that is read is of one moment, and nothing can be written."""
    from app.store.postgres import engine_of  # noqa: PLC0415 - its driver takes time to import

    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return shown(url), engine_of(url).execution_options(**options)
