"""Statements that are made into SQL once: what every mutation runs."""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """A statement as a database's own text, with its parameters by name.

    Values go to the driver as they are: what a column's type would convert, the caller converts. `postgres`
    is the statement for PostgreSQL, where that is another one.
    """

    def __init__(self, statement: ClauseElement, postgres: ClauseElement | None = None) -> None:
        compiled: Any = statement.compile(dialect=SQLiteDialect_pysqlite())
        self.sql = str(compiled)
        self._names: tuple[str, ...] = tuple(compiled.positiontup)
        self._fixed: Mapping[str, object] = compiled.params
        self._statement = postgres if postgres is not None else statement

    @cached_property
    def _for_postgres(self) -> tuple[str, Mapping[str, object]]:
        compiled = self._statement.compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
        return str(compiled), compiled.params

    def run(self, cursor: Any, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a DBAPI cursor
        """Run it, and return its rows (none of a statement that is no query).

        Raises:
            sqlite3.Error, psycopg.Error: unlike through SQLAlchemy, which wraps them.
        """
        if isinstance(cursor, sqlite3.Cursor):
            fixed = self._fixed
            cursor.execute(
                self.sql, [values[name] if name in values else fixed[name] for name in self._names]
            )
        else:
            sql, fixed = self._for_postgres
            cursor.execute(sql, {**fixed, **values})
            if cursor.description is None:
                return ()
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
        return rows


def replacing(table: Table, values: Mapping[str, object], key: str) -> Prepared:
    """The statement that writes a row, new or not; `key` is what makes it the same one."""
    statements = []
    for insert in (sqlite_insert, postgres_insert):
        new: Any = insert(table).values(values)
        changed = {name: new.excluded[name] for name in values if name != key}
        statements.append(new.on_conflict_do_update(index_elements=[key], set_=changed))
    return Prepared(*statements)


def adding(table: Table, values: Mapping[str, object]) -> Prepared:
    """The statement that writes a row unless it is there already."""
    inserts = (insert(table).values(values) for insert in (sqlite_insert, postgres_insert))
    return Prepared(*(each.on_conflict_do_nothing() for each in inserts))
