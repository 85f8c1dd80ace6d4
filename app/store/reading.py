"""The ledger for a reader: nothing is written or locked, and a running Berth does not mind."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.domain.errors import LedgerUnavailable
from app.ledger.proof import Line
from app.ledger.records import ChainedEvent, Entry, Event, State
from app.store.tables import audit, entries
from app.store.transaction import decoded

_AT_ONCE = 1000
_STORED = tuple(audit.c[field.name] for field in fields(ChainedEvent))
_SEARCHED = tuple(field.name for field in fields(Event) if field.name in audit.c)


@dataclass(frozen=True, slots=True)
class Archive:
    """What the database holds."""

    connection: Connection

    def counted(self) -> int:
        """How many audit lines the database has ever taken."""
        found = self.connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")).scalar()
        return int(found or 0)

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
    path = Path(make_url(url).database or "").absolute()
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield Archive(connection.execution_options(yield_per=_AT_ONCE))
    except (DBAPIError, sqlite3.Error) as error:
        raise LedgerUnavailable(f"The ledger {path} cannot be read: {error}") from error
    finally:
        engine.dispose()


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. A file that is not there is not made."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
