"""SQLite: one file, one process."""

import fcntl
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.domain.errors import LedgerUnavailable
from app.store.backend import Failures
from app.store.migrate import FromTheFuture, migrate

_BROKEN = (DBAPIError, sqlite3.Error)
OPENING = (*_BROKEN, FromTheFuture)
FAILURES = Failures(_BROKEN, (IntegrityError, sqlite3.IntegrityError))
"""A broken constraint is the one error that SQLite keeps to its statement.

After some others (a full disk) it has rolled back everything, and a savepoint would then quietly begin a new
transaction.
"""


@dataclass(slots=True)
class Sqlite:
    """See `app.store.backend.Backend`."""

    engine: Engine
    lock: IO[str]
    failures: Failures = FAILURES
    alone: bool = True
    counting: bool = False

    def begin(self, connection: Connection) -> None:
        """See `app.store.backend.Backend`."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def clock(self) -> float:
        """See `app.store.backend.Backend`."""
        return time.time()

    def close(self) -> None:
        """See `app.store.backend.Backend`."""
        self.engine.dispose()
        self.lock.close()


def open_sqlite(url: URL) -> Sqlite:
    """Open the file, and bring its tables up to date.

    Raises:
        LedgerUnavailable: it cannot be opened, or another process has it.
    """
    if not url.database:
        raise LedgerUnavailable(
            f"The ledger needs a file, not {str(url)!r}: what is in memory is lost at once."
        )
    path = Path(url.database)
    lock = _lock(path)
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    try:
        migrate(engine)
    except OPENING as error:
        engine.dispose()
        lock.close()
        raise LedgerUnavailable(f"The ledger {path} cannot be opened: {error}") from error
    return Sqlite(engine, lock)


def _prepare(connection: object, _record: object) -> None:
    cursor = cast("Any", connection).cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _lock(path: Path) -> IO[str]:
    """Hold a lock beside the file as long as this process lives."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise LedgerUnavailable(f"The ledger's folder {path.parent} cannot be written: {error}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        message = (
            f"Another process has the ledger {path}; SQLite serves one process: stop the other one, or let "
            "both use a PostgreSQL (BERTH_DATABASE_URL)."
        )
        raise LedgerUnavailable(message) from error
    return lock
