"""SQLite, used the way the emulator needs it: one connection, explicit transactions, survives kill -9."""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.emulator.values import Row

_SHARED = """
CREATE TABLE IF NOT EXISTS tagged_item (
    model TEXT NOT NULL, object_id INTEGER NOT NULL, tag_id INTEGER NOT NULL,
    PRIMARY KEY (model, object_id, tag_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tagged_item_tag ON tagged_item (tag_id, model);
CREATE TABLE IF NOT EXISTS custom_value (
    model TEXT NOT NULL, object_id INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (model, object_id, field)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS custom_value_value ON custom_value (model, field, value);
"""


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def _regexp(pattern: str, text: str | None) -> bool:
    try:
        return text is not None and re.search(pattern, text) is not None
    except re.error:
        return False


class Database:
    """A SQLite file, or memory when ``path`` is None.

    Write-ahead logging with ``synchronous=NORMAL``: what was committed outlives the process, though
    not a power cut. The one connection belongs to whichever thread runs the event loop.
    """

    def __init__(self, path: str | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._connection.row_factory = _row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.create_function("regexp", 2, _regexp, deterministic=True)
        self._connection.executescript(_SHARED)

    def script(self, statements: str) -> None:
        """Run statements that define tables."""
        self._connection.executescript(statements)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Walk the rows of a query without fetching those that are not wanted."""
        return iter(self._connection.execute(sql, values))

    def one(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - whatever the column holds
        """Return the first column of the first row, or None."""
        row = self.one(sql, values)
        return next(iter(row.values())) if row else None

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute one statement; return the id of an inserted row."""
        return self._connection.execute(sql, values).lastrowid or 0

    def many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Execute one statement for several sets of values."""
        self._connection.executemany(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block wrote, or nothing of it when it raises."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when it raises, inside a transaction."""
        self._connection.execute("SAVEPOINT item")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO item")
            self._connection.execute("RELEASE item")
            raise
        self._connection.execute("RELEASE item")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
