"""Objects in the database: read, validated, stored, changed, deleted, each with its change log entry."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from app.emulator.customs import check_custom_fields, store_custom_fields
from app.emulator.errors import ApiError, FieldError, InvalidError
from app.emulator.references import GenericKey
from app.emulator.resource import columns_of, logged_of, readers_of, unwritten_of, written_of
from app.emulator.session import marks
from app.emulator.values import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Json, Row


LONGEST_MESSAGE = 200


def fetch(session: Session, resource: Resource, where: str, values: Sequence[Json]) -> list[Row]:
    """Return complete objects; ``where`` may go on with ORDER BY and LIMIT."""
    rows = session.database.rows(f"SELECT * FROM {resource.table} WHERE {where}", values)
    return complete(session, resource, rows)


def complete(session: Session, resource: Resource, rows: list[Row]) -> list[Row]:
    """Add tags and custom fields to bare rows."""
    if resource.customised:
        for row in rows:
            row["custom_field_data"] = json.loads(row["custom_field_data"] or "{}")
    if resource.tagged and rows:
        tags: dict[int, list[int]] = {}
        numbers = [row["id"] for row in rows]
        for item in session.database.rows(
            f"SELECT object_id, tag_id FROM tagged_item WHERE model = ? AND object_id IN ({marks(numbers)})",
            [resource.model, *numbers],
        ):
            tags.setdefault(item["object_id"], []).append(item["tag_id"])
        for row in rows:
            row["tags"] = tags.get(row["id"], [])
    return rows


def show(session: Session, resource: Resource, row: Row, only: Iterable[str] | None = None) -> Row:
    """Return an object the way the API shows it, or some keys of it."""
    readers = readers_of(resource, session.release)
    if only is None:
        return {name: read(row, session) for name, read in readers.items()}
    return {name: readers[name](row, session) for name in only if name in readers}


def validate(session: Session, resource: Resource, data: Json, old: Row | None = None) -> Row:
    """Return the columns that a request sets on a new object, or on ``old``; raises InvalidError.

    First every field is read and all their errors are collected; then the complete object is checked, and
    the first thing that is wrong with it ends the matter.
    """
    if not isinstance(data, dict):
        text = f"Invalid data. Expected a dictionary, but got {type(data).__name__}."
        raise InvalidError({session.release.non_field: [text]})
    values = _read(session, resource, data, create=old is None)
    whole = {**(old or {}), **values}
    if resource.customised:
        merged = {**(old["custom_field_data"] if old else {}), **values.get("custom_field_data", {})}
        whole["custom_field_data"] = values["custom_field_data"] = merged
    _check_references(session, resource, whole)
    if resource.customised:
        _check_custom(session, resource, whole)
    before = dict(whole)
    resource.clean(session, whole, old)
    repeats = _repeats(session, resource, whole)
    if repeats:
        raise InvalidError(repeats)
    return {**values, **{key: value for key, value in whole.items() if before.get(key) != value}}


def _read(session: Session, resource: Resource, data: Row, *, create: bool) -> Row:
    values: Row = {}
    errors: Row = {}
    for field in written_of(resource, session.release):
        try:
            field.take(data, values, session, create=create)
        except FieldError as error:
            errors[error.key or field.name] = error.messages
    if create:
        for field in unwritten_of(resource, session.release):
            field.store(field.default, values)
    if errors:
        raise InvalidError(errors)
    if session.release.modern:
        values["changelog_message"] = _message(session, data.get("changelog_message"))
    return values


def _message(session: Session, given: Json) -> str:
    """Return the message for the change log; only the database minds its length."""
    text = str(given or "")
    if len(text) > LONGEST_MESSAGE:
        raise ApiError(500, session.crash("DataError", "value too long for type character varying(200)"))
    return text


def _check_references(session: Session, resource: Resource, row: Row) -> None:
    for field in resource.fields:
        if isinstance(field, GenericKey) and (errors := field.check(row, session)):
            raise InvalidError(errors)


def _check_custom(session: Session, resource: Resource, row: Row) -> None:
    """Check the custom fields; what else repeats is told together with what is wrong with them."""
    try:
        check_custom_fields(session, resource, row)
    except InvalidError as error:
        repeats = _repeats(session, resource, row)
        raise InvalidError(
            {name: error.errors.get(name, []) + repeats.get(name, []) for name in {**error.errors, **repeats}}
        ) from None


def _repeats(session: Session, resource: Resource, row: Row) -> Row:
    """Return what repeats. A rule's columns are evaluated by SQLite on the new values."""
    names = [name for name in columns_of(resource) if name != "custom_field_data"]
    given = f"(SELECT {', '.join(f'? AS {name}' for name in names)})" if resource.unique else ""
    values = [row.get(name) for name in names]
    errors: Row = {}
    for rule in resource.unique:
        own = ", ".join(f"{column} AS c{i}" for i, column in enumerate(rule.columns))
        others = " AND ".join(f"n.c{i} = ({column})" for i, column in enumerate(rule.columns))
        found = session.database.one(
            f"SELECT 1 FROM {resource.table}, (SELECT {own} FROM {given} WHERE {rule.where}) n "
            f"WHERE {others} AND {rule.where} AND id IS NOT ?",
            [*values, row.get("id")],
        )
        if found:
            errors[rule.key] = [rule.text(session.release)]
    return errors


def insert(session: Session, resource: Resource, values: Row) -> Row:
    """Store a validated new object; raises sqlite3.IntegrityError where a race was lost."""
    names = columns_of(resource)
    row = {name: values.get(name) for name in names}
    time = now()
    for name in ("created", "last_updated"):
        if name in row:
            row[name] = row[name] or time
    session.forget()
    row["id"] = session.database.run(_insertion(resource), _stored(row, names))
    if resource.tagged:
        row["tags"] = values["tags"]
        _tag(session, resource, row)
    if resource.customised:
        store_custom_fields(session, resource, row)
    session.message = values.get("changelog_message", "")
    log(session, resource, row, "create", ({}, logged(session, resource, row)))
    resource.after(session, row, values)
    return row


@cache
def _insertion(resource: Resource) -> str:
    names = columns_of(resource)
    return f"INSERT INTO {resource.table} ({', '.join(names)}) VALUES ({marks(list(names))})"


def update(session: Session, resource: Resource, old: Row, values: Row) -> Row:
    """Store validated changes and return the object as it is then."""
    row = {**old, **values}
    row.pop("changelog_message", None)
    if "last_updated" in row:
        row["last_updated"] = now()
    names = columns_of(resource)
    session.forget()
    session.database.run(
        f"UPDATE {resource.table} SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?",
        [*_stored(row, names), row["id"]],
    )
    if resource.tagged and set(row["tags"]) != set(old["tags"]):
        session.database.run(
            "DELETE FROM tagged_item WHERE model = ? AND object_id = ?", [resource.model, row["id"]]
        )
        _tag(session, resource, row)
    if resource.customised and row["custom_field_data"] != old["custom_field_data"]:
        store_custom_fields(session, resource, row)
    before, after = logged(session, resource, old), logged(session, resource, row)
    session.message = values.get("changelog_message", "")
    if before != after:
        log(session, resource, row, "update", (before, after))
    resource.after(session, row, values)
    return row


def _stored(row: Row, names: Sequence[str]) -> list[Json]:
    return [json.dumps(row[name]) if isinstance(row[name], dict) else row[name] for name in names]


def _tag(session: Session, resource: Resource, row: Row) -> None:
    if row["tags"]:
        session.database.many(
            "INSERT INTO tagged_item VALUES (?, ?, ?)",
            [(resource.model, row["id"], tag) for tag in row["tags"]],
        )


def logged(session: Session, resource: Resource, row: Row) -> Row:
    """Return what the change log keeps of an object."""
    found: Row = {}
    for field in logged_of(resource, session.release):
        found |= field.logged(row, session)
    return found


def log(session: Session, resource: Resource, row: Row, action: str, states: tuple[Row, Row]) -> None:
    """Write an entry to the change log; ``states`` are before and after."""
    if not resource.logged:
        return
    session.database.run(
        "INSERT INTO core_objectchange (time, user, user_name, request_id, action, changed_object_type, "
        "changed_object_id, object_repr, message, prechange_data, postchange_data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            now(),
            session.account.user["id"],
            session.account.user["username"],
            session.request_id,
            action,
            resource.model,
            row["id"],
            resource.display(row),
            session.message,
            json.dumps(states[0]),
            json.dumps(states[1]),
        ],
    )
