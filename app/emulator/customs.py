"""The values of custom fields: checked, kept unique, indexed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from app.emulator.errors import ApiError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Json, Row

EMPTY: tuple[Json, ...] = (None, "", [])


def _text(value: Json) -> str | None:
    return None if isinstance(value, str) else "Value must be a string."


def _integer(value: Json) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return None if whole else "Value must be an integer."


def _boolean(value: Json) -> str | None:
    return None if isinstance(value, bool) else "Value must be true or false."


CHECKS: dict[str, Callable[[Json], str | None]] = {
    "text": _text,
    "longtext": _text,
    "url": _text,
    "integer": _integer,
    "boolean": _boolean,
}


def check_custom_fields(session: Session, resource: Resource, row: Row) -> None:
    """Refuse wrong types and values that another object already has.

    Only stored objects are compared: two items of one list may carry the same value, as in NetBox.
    """
    for name, value in row["custom_field_data"].items():
        definition = session.custom_fields(resource.model).get(name)
        if definition is None or value in EMPTY:
            continue
        _check_type(session, definition, value)
        if definition["unique_values"] and _taken(session, resource, name, value, row.get("id")):
            raise InvalidError.whole(f"Custom field '{name}' must have a unique value.")


def _check_type(session: Session, definition: Row, value: Json) -> None:
    complaint = CHECKS.get(definition["type"], lambda _value: None)(value)
    if complaint:
        raise InvalidError.whole(f"Invalid value for custom field '{definition['name']}': {complaint}")
    if re.search("[\0\ud800-\udfff]", indexed(value)):
        text = "unsupported Unicode escape sequence"
        raise ApiError(500, session.crash("DataError", text))


def _taken(session: Session, resource: Resource, name: str, value: Json, own: int | None) -> bool:
    return bool(
        session.database.one(
            "SELECT 1 FROM custom_value WHERE model = ? AND field = ? AND value = ? AND object_id IS NOT ?",
            [resource.model, name, indexed(value), own],
        )
    )


def indexed(value: Json) -> str:
    """Return the text by which a value is compared."""
    return value if isinstance(value, str) else json.dumps(value)


def store_custom_fields(session: Session, resource: Resource, row: Row) -> None:
    """Bring the index up to date with the document."""
    session.database.run(
        "DELETE FROM custom_value WHERE model = ? AND object_id = ?", [resource.model, row["id"]]
    )
    values = [
        (resource.model, row["id"], name, indexed(value))
        for name, value in row["custom_field_data"].items()
        if value is not None
    ]
    if values:
        session.database.many("INSERT INTO custom_value VALUES (?, ?, ?, ?)", values)
