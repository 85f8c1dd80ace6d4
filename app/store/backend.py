"""What tells one database from another, for the writer and the readers."""

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from app.domain.errors import LedgerUnavailable


@dataclass(frozen=True, slots=True)
class Failures:
    """What the database says when it cannot: through SQLAlchemy, and to a prepared statement.

    `own` are the errors of one statement, after which a savepoint still holds; all others end the
    transaction.
    """

    broken: tuple[type[Exception], ...]
    own: tuple[type[Exception], ...]


class Backend(Protocol):
    """A database that is open.

    `alone`: no other process writes; `counting`: it is Berth that counts the lines of the audit log.
    """

    engine: Engine
    failures: Failures
    alone: bool
    counting: bool

    def begin(self, connection: Connection) -> None:
        """Begin a transaction that is the only one that writes, until it ends."""
        ...

    def clock(self) -> float:
        """Seconds since the epoch, by the clock that all who write here share."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


def unavailable(error: Exception, message: str = "") -> LedgerUnavailable:
    """The ledger's own word for what a database said."""
    found = LedgerUnavailable(message) if message else LedgerUnavailable()
    found.__cause__ = error
    return found


def cursor_of(connection: Connection) -> Any:  # noqa: ANN401 - a DBAPI cursor
    """The driver's own cursor, which SQLAlchemy does not watch."""
    return connection.connection.cursor()
