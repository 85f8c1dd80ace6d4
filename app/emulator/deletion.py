"""Deleting an object, and what hangs on it: cascades, references that become null, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.errors import detail
from app.emulator.records import fetch, log, logged, update
from app.emulator.references import ForeignKey, GenericKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Row


def delete(session: Session, resource: Resource, row: Row) -> None:
    """Delete an object with everything that NetBox deletes with it.

    Raises:
        ApiError: 409 when something that is protected points at it; then nothing is deleted.
    """
    with session.database.transaction():
        _refuse_protected(session, resource, row)
        _delete(session, resource, row)
        session.forget()


def _refuse_protected(session: Session, resource: Resource, row: Row) -> None:
    found = [
        f"{other.display(item)} ({item['id']})"
        for other, key in _pointing(session, resource)
        if isinstance(key, ForeignKey) and key.on_delete == "protect"
        for item in session.database.rows(f"SELECT * FROM {other.table} WHERE {key.name} = ?", [row["id"]])
    ]
    if found:
        text = f"Unable to delete object. {len(found)} dependent objects were found: {', '.join(found)}"
        raise detail(409, text)


def _pointing(session: Session, resource: Resource) -> Iterator[tuple[Resource, ForeignKey | GenericKey]]:
    for other in session.resources.values():
        for field in other.fields:
            foreign = isinstance(field, ForeignKey) and field.target == resource.model
            generic = isinstance(field, GenericKey) and field.cascade and resource.model in field.models
            if (foreign or generic) and isinstance(field, ForeignKey | GenericKey):
                yield other, field


def _delete(session: Session, resource: Resource, row: Row) -> None:
    for other, key in _pointing(session, resource):
        if isinstance(key, GenericKey):
            where = f"{key.name}_type = ? AND {key.name}_id = ?"
            found = fetch(session, other, where, [resource.model, row["id"]])
            cascade = True
        else:
            found = fetch(session, other, f"{key.name} = ?", [row["id"]])
            cascade = key.on_delete == "cascade"
        for item in found:
            if cascade:
                _delete(session, other, item)
            elif isinstance(key, ForeignKey):
                _clear(session, other, item, key)
    _remove(session, resource, row)


def _clear(session: Session, other: Resource, item: Row, key: ForeignKey) -> None:
    """Empty a reference; some count as a change of the object that held it."""
    if key.on_delete == "save_null":
        current = fetch(session, other, "id = ?", [item["id"]])[0]
        update(session, other, current, {key.name: None})
    else:
        session.database.run(f"UPDATE {other.table} SET {key.name} = NULL WHERE id = ?", [item["id"]])


def _remove(session: Session, resource: Resource, row: Row) -> None:
    database, number = session.database, row["id"]
    log(session, resource, row, "delete", (logged(session, resource, row), {}))
    database.run(f"DELETE FROM {resource.table} WHERE id = ?", [number])
    if resource.tagged:
        database.run("DELETE FROM tagged_item WHERE model = ? AND object_id = ?", [resource.model, number])
    if resource.customised:
        database.run("DELETE FROM custom_value WHERE model = ? AND object_id = ?", [resource.model, number])
    if resource.model == "extras.tag":
        database.run("DELETE FROM tagged_item WHERE tag_id = ?", [number])
