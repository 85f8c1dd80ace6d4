"""Statements that are made into SQL once: what every mutation runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """A statement as SQLite's text, with the names of its parameters in order.

    Values go to the driver as they are: what a column's type would convert, the caller converts.
    """

    def __init__(self, statement: ClauseElement) -> None:
        compiled: Any = statement.compile(dialect=SQLiteDialect_pysqlite())
        self.sql = str(compiled)
        self._names: tuple[str, ...] = tuple(compiled.positiontup)

    def run(self, cursor: Any, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a DBAPI cursor
        """Run it, and return its rows (none of a statement that is no query).

        Raises:
            sqlite3.Error: unlike through SQLAlchemy, which wraps it.
        """
        cursor.execute(self.sql, [values[name] for name in self._names])
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
        return rows
