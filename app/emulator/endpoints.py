"""The methods of every resource: lists, single objects, creation, change, deletion.

A handler is a generator. It yields where NetBox leaves a gap between checking and writing, so that the
caller can let others in; writes that NetBox puts behind its lock run without a pause.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeAlias

from app.emulator.deletion import delete
from app.emulator.errors import ApiError, InvalidError, denied, not_found
from app.emulator.pages import list_objects, selected
from app.emulator.records import fetch, insert, show, update, validate
from app.emulator.wire import Response

if TYPE_CHECKING:
    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Clause, Json, Row
    from app.emulator.wire import Request

Steps: TypeAlias = Generator[None, None, Response]


def etag(row: Row) -> str:
    """Return the entity tag of an object: when it last changed."""
    moment = row.get("last_updated") or row.get("created") or ""
    return f'W/"{moment.removesuffix("Z")}+00:00"'


def tagged(session: Session, row: Row) -> dict[str, str]:
    """Return the ETag header, where the release has it and the object has a moment."""
    known = session.release.modern and (row.get("last_updated") or row.get("created"))
    return {"ETag": etag(row)} if known else {}


def visible(session: Session, resource: Resource, number: int, allowed: Clause) -> Row:
    """Return an object on which the action is permitted; raises 404."""
    rows = fetch(session, resource, f"id = ? AND {allowed[0]}", [number, *allowed[1]])
    if not rows:
        raise not_found(resource.name)
    return rows[0]


def check_permitted(session: Session, resource: Resource, row: Row, allowed: Clause) -> None:
    """Refuse what was just written when the constraints do not cover it; rolls back."""
    if allowed[0] == "1":
        return
    if not fetch(session, resource, f"id = ? AND {allowed[0]}", [row["id"], *allowed[1]]):
        raise denied()


def get_list(session: Session, resource: Resource, request: Request) -> Steps:
    """Answer with a page."""
    yield from ()
    allowed = session.account.require(session, resource, "view")
    return Response(200, list_objects(session, resource, request, allowed))


def get_one(session: Session, resource: Resource, request: Request, number: int) -> Steps:
    """Answer with an object."""
    yield from ()
    allowed = session.account.require(session, resource, "view")
    row = visible(session, resource, number, allowed)
    shown = show(session, resource, row, selected(session, resource, request))
    return Response(200, shown, tagged(session, row))


def _limited(request: Request, data: Json) -> Json:
    """Drop what ``?fields=`` does not name: on writes NetBox reads only those fields."""
    only = request.parameter("fields")
    if not only or not isinstance(data, dict):
        return data
    return {key: value for key, value in data.items() if key in only.split(",")}


def create(session: Session, resource: Resource, request: Request) -> Steps:
    """Create one object."""
    allowed = session.account.require(session, resource, "add")
    data = _limited(request, request.data())
    try:
        values = validate(session, resource, data)
    except InvalidError as error:
        if request.parameter("fields"):
            raise InvalidError({name: ["This field cannot be blank."] for name in error.errors}) from None
        raise
    yield
    with session.database.transaction():
        row = insert(session, resource, values)
        check_permitted(session, resource, row, allowed)
    shown = show(session, resource, row, selected(session, resource, request))
    location = f"{session.base}/api/{resource.path}/{row['id']}/"
    return Response(201, shown, {"Location": location, **tagged(session, row)})


def change(session: Session, resource: Resource, request: Request, number: int) -> Steps:
    """Change one object; PUT demands the required fields."""
    allowed = session.account.require(session, resource, "change")
    old = visible(session, resource, number, allowed)
    check_precondition(session, request, old)
    data = _limited(request, request.data())
    if isinstance(data, list):
        raise ApiError(
            500,
            session.crash("NotImplementedError", "Serializers with many=True do not support multiple update"),
        )
    if request.method == "PUT":
        check_complete(resource, data)
    values = validate(session, resource, data, old)
    yield
    with session.database.transaction():
        row = update(session, resource, visible(session, resource, number, allowed), values)
        check_permitted(session, resource, row, allowed)
    shown = show(session, resource, row, selected(session, resource, request))
    return Response(200, shown, tagged(session, row))


def check_precondition(session: Session, request: Request, row: Row) -> None:
    """Compare If-Match with the entity tag; raises 412 with the current one."""
    given = request.headers.get("if-match", "")
    if not session.release.modern or given in ("", "*"):
        return
    if etag(row) not in [text.strip() for text in given.split(",")]:
        raise ApiError(412, {"detail": "Precondition failed."}, tagged(session, row))


def check_complete(resource: Resource, data: Json) -> None:
    """Refuse a PUT without the required fields."""
    missing = [
        field.name
        for field in resource.fields
        if field.required and field.written and isinstance(data, dict) and field.name not in data
    ]
    if missing:
        raise InvalidError({name: ["This field is required."] for name in missing})


def remove(session: Session, resource: Resource, request: Request, number: int) -> Steps:
    """Delete one object."""
    yield from ()
    allowed = session.account.require(session, resource, "delete")
    row = visible(session, resource, number, allowed)
    check_precondition(session, request, row)
    data = request.data()
    if session.release.modern and isinstance(data, dict):
        session.message = str(data.get("changelog_message") or "")
    delete(session, resource, row)
    return Response(204, empty=True)
