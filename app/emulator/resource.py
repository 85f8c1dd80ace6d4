"""What a resource is: the declaration from which tables, endpoints, filters and answers are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from app.emulator.fields import Field, Reader
from app.emulator.references import CustomFields, ForeignKey, GenericKey, Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from app.emulator.release import Release
    from app.emulator.session import Session
    from app.emulator.values import Clause, Row

HEAD = ("id", "url", "display_url", "display")


@dataclass(frozen=True)
class Unique:
    """Columns that may not repeat.

    Attributes:
        columns: SQL expressions over the columns.
        message: what the second one is told.
        formerly: what it was told in 4.3, where that differs.
        key: the field that is blamed.
        where: SQL that limits the rule.
        indexed: the database holds the rule too, so a lost race is a 500.
    """

    columns: tuple[str, ...]
    message: str
    formerly: str = ""
    key: str = "__all__"
    where: str = "1"
    indexed: bool = True

    def text(self, release: Release) -> str:
        """Return the message of a release."""
        return self.message if release.modern or not self.formerly else self.formerly


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind of object.

    Attributes:
        path: below ``/api/``.
        model: NetBox's name of the model, ``app.model``.
        name: the class name, which appears in 404 answers.
        verbose: the words for it in messages.
        fields: in the order in which they are shown.
        brief: the keys of the brief form.
        counts: the keys that the brief form has besides, where it is asked for by itself.
        display: the text that stands for an object.
        order: the default ordering, in SQL.
        search: the columns that ``q`` looks into; with ``^`` at their beginning only.
        filters: filters beyond those that the fields give, by key (see ``filters.Filter``).
        exact_names: whether the filter ``name`` minds the case.
        unique: rules of uniqueness.
        clean: checks a complete object, and may complete it.
        indexes: SQL expressions to index.
        creates, changes, deletes: which methods exist.
        locked: writes of single objects wait for the lock of the address table.
        logged: writes appear in the change log.
        after: called when an object has been stored, with the values that the request set.
    """

    path: str
    model: str
    name: str
    verbose: str
    fields: tuple[Field, ...]
    brief: tuple[str, ...]
    counts: tuple[str, ...] = ()
    display: Callable[[Row], str] = lambda row: str(row["name"])
    order: str = "name COLLATE NOCASE, id"
    search: tuple[str, ...] = ("name", "description")
    filters: Mapping[str, Callable[[Session, str, list[str]], Clause | None]] = field(default_factory=dict)
    exact_names: bool = True
    unique: tuple[Unique, ...] = ()
    clean: Callable[[Session, Row, Row | None], None] = lambda _session, _row, _old: None
    indexes: tuple[str, ...] = ()
    creates: bool = True
    changes: bool = True
    deletes: bool = True
    locked: bool = False
    logged: bool = True
    after: Callable[[Session, Row, Row], None] = lambda _session, _row, _data: None

    @property
    def table(self) -> str:
        """The name of the table."""
        return self.model.replace(".", "_")

    @property
    def tagged(self) -> bool:
        """Whether objects carry tags."""
        return any(isinstance(item, Tags) for item in self.fields)

    @property
    def customised(self) -> bool:
        """Whether objects carry custom fields."""
        return any(isinstance(item, CustomFields) for item in self.fields)


@cache
def fields_of(resource: Resource, release: Release) -> tuple[Field, ...]:
    """Return the fields that the resource has in a release."""
    return tuple(item for item in resource.fields if release.has(item.since))


@cache
def written_of(resource: Resource, release: Release) -> tuple[Field, ...]:
    """Return the fields that requests set."""
    return tuple(item for item in fields_of(resource, release) if item.written)


@cache
def unwritten_of(resource: Resource, release: Release) -> tuple[Field, ...]:
    """Return the fields that start with their default: not set by requests, or of a later release."""
    written = written_of(resource, release)
    return tuple(item for item in resource.fields if item not in written and item.columns())


@cache
def logged_of(resource: Resource, release: Release) -> tuple[Field, ...]:
    """Return the fields that the change log keeps."""
    written = written_of(resource, release)
    return tuple(item for item in written if item.shown and (item.columns() or isinstance(item, Tags)))


@cache
def readers_of(resource: Resource, release: Release) -> dict[str, Reader]:
    """Return the keys of an answer, each with the function that reads it."""
    readers: dict[str, Reader] = {
        "id": lambda row, _session: row["id"],
        "url": lambda row, session: f"{session.base}/api/{resource.path}/{row['id']}/",
        "display_url": lambda row, session: f"{session.base}/{resource.path}/{row['id']}/",
        "display": lambda row, _session: resource.display(row),
    }
    for item in fields_of(resource, release):
        if item.shown:
            readers |= item.readers()
    return readers


@cache
def columns_of(resource: Resource) -> tuple[str, ...]:
    """Return the columns of the table, without the id."""
    return tuple(name for item in resource.fields for name in item.columns())


def definition(resource: Resource) -> str:
    """Return the SQL that makes the table and its indexes."""
    table = resource.table
    columns = "".join(f", {name} {sql}" for item in resource.fields for name, sql in item.columns().items())
    lines = [f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY AUTOINCREMENT{columns})"]
    for rule in resource.unique:
        if rule.indexed:
            name = _index_name(table, rule.columns)
            lines.append(
                f"CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table} ({', '.join(rule.columns)}) "
                f"WHERE {rule.where}"
            )
    for expression in (*resource.indexes, *_key_columns(resource)):
        name = _index_name(table, (expression,))
        lines.append(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({expression})")
    return ";\n".join(lines) + ";\n"


def _index_name(table: str, columns: tuple[str, ...]) -> str:
    return "_".join([table, *("".join(c if c.isalnum() else "_" for c in column) for column in columns)])


def _key_columns(resource: Resource) -> Iterator[str]:
    for item in resource.fields:
        if isinstance(item, ForeignKey):
            yield item.name
        elif isinstance(item, GenericKey):
            yield f"{item.name}_type, {item.name}_id"
