"""The fields that most resources end with, and the rules that most of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.fields import Computed, Field, Slug, Stamp, Text, constants
from app.emulator.references import CustomFields, Tags
from app.emulator.resource import Unique

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Row

NAMED = ("id", "url", "display", "name", "slug", "description")

ACTIVE = {"active": "Active"}


def stamps() -> tuple[Field, ...]:
    """Return the two moments."""
    return (Stamp("created"), Stamp("last_updated"))


def tail(model: str, *, comments: bool = True) -> tuple[Field, ...]:
    """Return the fields that a primary object ends with."""
    return (
        Text("description"),
        *constants(since="4.7", owner=None),
        *((Text("comments", limit=100_000, strip=False),) if comments else ()),
        Tags("tags"),
        CustomFields("custom_fields", model=model),
        *stamps(),
    )


def named(*, limit: int = 100) -> tuple[Field, ...]:
    """Return name and slug."""
    return (Text("name", required=True, blank=False, limit=limit), Slug("slug"))


def unique_names(verbose: str) -> tuple[Unique, ...]:
    """Refuse a second object of the same name, or slug."""
    return tuple(
        Unique((column,), f"{verbose} with this {column} already exists.", key=column)
        for column in ("name", "slug")
    )


def count(name: str, table: str, column: str) -> Computed:
    """Return the number of rows that point here."""

    def read(row: Row, session: Session) -> int:
        return int(session.database.value(f"SELECT count(*) FROM {table} WHERE {column} = ?", [row["id"]]))

    return Computed(name, reader=read)
