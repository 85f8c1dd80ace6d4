"""PostgreSQL: several processes, one of which writes at a time.

A writer takes an advisory lock for the length of its transaction. So each work sees the database as the work
before it left it, in whatever process, and the checks of the ledger need no more locks than on SQLite. The
audit log has one order, without gaps. A group of commits takes a millisecond or two; NetBox gives a hundred
addresses a second at best. A process that is stopped in the middle loses its session, and with it the lock.
"""

import time
from dataclasses import dataclass

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from app.domain.errors import LedgerUnavailable
from app.store.backend import Failures, cursor_of
from app.store.locator import said, shown
from app.store.migrate import FromTheFuture, migrate

_BROKEN = (DBAPIError, psycopg.Error)
OPENING = (*_BROKEN, FromTheFuture)
FAILURES = Failures(
    _BROKEN,
    (IntegrityError, DataError, psycopg.IntegrityError, psycopg.DataError),
)
WRITING = 0x6265727468  # "berth"
"""The advisory lock of whoever writes."""
IDLE_SECONDS = 5
"""A writer that says nothing for so long in the middle of a transaction has been stopped, and is cut off."""
WAIT_SECONDS = 10
_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
    "application_name": "berth",
}
_BEGIN = f"""\
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s';
SET LOCAL lock_timeout = '{WAIT_SECONDS}s';
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
SELECT pg_advisory_xact_lock({WRITING})"""
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"


@dataclass(slots=True)
class Postgres:
    """See `app.store.backend.Backend`. `ahead` is what the server's clock shows beyond our monotonic one."""

    engine: Engine
    ahead: float
    failures: Failures = FAILURES
    alone: bool = False
    counting: bool = True

    def begin(self, connection: Connection) -> None:
        """See `app.store.backend.Backend`. The clocks are compared at each begin."""
        cursor = cursor_of(connection)
        cursor.execute(_BEGIN)
        cursor.execute(_CLOCK)
        self.ahead = cursor.fetchone()[0] - time.monotonic()

    def clock(self) -> float:
        """See `app.store.backend.Backend`. The wall clock of this machine has no part in it."""
        return time.monotonic() + self.ahead

    def close(self) -> None:
        """See `app.store.backend.Backend`."""
        self.engine.dispose()


def open_postgres(url: URL) -> Postgres:
    """Connect, and bring the tables up to date; of several that start at once, one does.

    Raises:
        LedgerUnavailable: it cannot be reached, or is none that can be used.
    """
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            _check(connection)
            ahead = connection.execute(text(_CLOCK)).scalar_one() - time.monotonic()
        migrate(engine)
    except OPENING as error:
        engine.dispose()
        raise LedgerUnavailable(f"The ledger {shown(url)} cannot be opened: {said(error)}") from error
    except LedgerUnavailable:
        engine.dispose()
        raise
    return Postgres(engine, ahead)


def engine_of(url: URL) -> Engine:
    """An engine whose connections notice within seconds when the server has gone."""
    return create_engine(url, isolation_level="AUTOCOMMIT", connect_args=_CONNECT)


def _check(connection: Connection) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise LedgerUnavailable(
            f"The ledger's database is encoded in {encoding}, which cannot hold every name: "
            "make one with ENCODING 'UTF8'."
        )
