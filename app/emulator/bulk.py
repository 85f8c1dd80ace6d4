"""Lists in one request: all or nothing, with the error shapes of either release.

4.7 names what failed by index (creation) or id; 4.3 answers a list by position, skips what it does not find,
and stops a change at the first error.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from app.emulator.deletion import delete
from app.emulator.endpoints import check_complete, check_permitted
from app.emulator.errors import NO_PERMISSION, ApiError, InvalidError, detail
from app.emulator.pages import selected
from app.emulator.records import fetch, insert, show, update, validate
from app.emulator.session import marks
from app.emulator.wire import Response

if TYPE_CHECKING:
    from app.emulator.endpoints import Steps
    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Clause, Json, Row
    from app.emulator.wire import Request

_NOT_PERMITTED = "You do not have permission to perform this action on this object."


def create_many(session: Session, resource: Resource, request: Request) -> Steps:
    """Create several objects."""
    yield from ()
    allowed = session.account.require(session, resource, "add")
    data = request.data()
    with session.database.transaction():
        if session.release.modern:
            rows = _create_in_turn(session, resource, data, allowed)
        else:
            rows = _create_checked(session, resource, data, allowed)
    only = selected(session, resource, request)
    return Response(201, [show(session, resource, row, only) for row in rows])


def _create_in_turn(session: Session, resource: Resource, data: list[Json], allowed: Clause) -> list[Row]:
    """Check and store each in turn, so that the second of two equal ones is refused."""
    rows, errors, statuses = [], [], set()
    for index, item in enumerate(data):
        try:
            with session.database.savepoint():
                row = insert(session, resource, validate(session, resource, item))
                check_permitted(session, resource, row, allowed)
                rows.append(row)
        except (InvalidError, ApiError) as error:
            failed, status = _failure(error)
            errors.append({"index": index, "errors": failed})
            statuses.add(status)
    if errors:
        raise _failed(errors, len(data), "created", 403 if 403 in statuses else 400)  # noqa: PLR2004
    return rows


def _create_checked(session: Session, resource: Resource, data: list[Json], allowed: Clause) -> list[Row]:
    """Check all, then store all, so that two equal ones pass unless the database objects."""
    values: list[Row] = []
    errors: list[Row] = []
    for item in data:
        try:
            values.append(validate(session, resource, item))
            errors.append({})
        except InvalidError as error:
            errors.append(error.errors)
    if any(errors):
        raise ApiError(400, errors)
    rows = [insert(session, resource, item) for item in values]
    for row in rows:
        check_permitted(session, resource, row, allowed)
    return rows


def _failed(errors: list[Json], total: int, what: str, status: int = 400) -> ApiError:
    text = f"{len(errors)} of {total} objects could not be {what}."
    return ApiError(status, {"detail": text, "errors": errors})


def _numbers(session: Session, resource: Resource, data: Json, allowed: Clause) -> dict[int, Row]:
    """Return the objects that the list names, by id, in the resource's own order."""
    _check_list(session, data)
    broken = [
        {"index": i, "errors": error} for i, item in enumerate(data) if (error := _unnamed(session, item))
    ]
    if broken:
        text = f"{len(broken)} of {len(data)} objects failed validation."
        raise ApiError(400, {"detail": text, "errors": broken})
    ids = [int(item["id"]) for item in data]
    _check_repeated(session, ids)
    where = f"id IN ({marks(ids)}) AND {allowed[0]} ORDER BY {resource.order}"
    found = {row["id"]: row for row in fetch(session, resource, where, [*ids, *allowed[1]])}
    missing = [number for number in ids if number not in found]
    if missing and session.release.modern:
        errors = [{"id": n, "errors": {"id": [f"Object with ID {n} does not exist"]}} for n in missing]
        raise _failed(errors, len(ids), "found")
    return found


def _unnamed(session: Session, item: Json) -> Row:
    """Return what keeps an item from naming an object."""
    if not isinstance(item, dict):
        text = f"Invalid data. Expected a dictionary, but got {type(item).__name__}."
        return {session.release.non_field: [text]}
    if "id" not in item:
        return {"id": ["This field is required."]}
    return {} if str(item["id"]).isdigit() else {"id": ["A valid integer is required."]}


def _check_repeated(session: Session, ids: list[int]) -> None:
    """Refuse a list that names an object twice, as 4.7 does."""
    counts = {number: count for number, count in Counter(ids).items() if count > 1}
    if not counts or not session.release.modern:
        return
    text = "Each object may be specified only once; ID {} is listed {} times"
    errors = [{"id": n, "errors": {"id": [text.format(n, count)]}} for n, count in counts.items()]
    summary = f"{len(errors)} of {len(ids)} objects are listed more than once."
    raise ApiError(400, {"detail": summary, "errors": errors})


def _check_list(session: Session, data: Json) -> None:
    if isinstance(data, list):
        return
    if not session.release.modern:
        text = f'Expected a list of items but got type "{type(data).__name__}".'
        raise ApiError(400, {"non_field_errors": [text]})
    got = "no data was submitted" if data in (None, {}, "") else f"got {type(data).__name__}"
    raise detail(400, f"Expected a list of objects, but {got}.")


def change_many(session: Session, resource: Resource, request: Request) -> Steps:
    """Change several objects. NetBox takes no lock for this, whatever the resource."""
    allowed = session.account.require(session, resource, "change")
    data = request.data()
    found = _numbers(session, resource, data, allowed)
    changes = {int(item["id"]): {k: v for k, v in item.items() if k != "id"} for item in data}
    asked = [(row, changes[number]) for number, row in found.items()]
    with session.database.transaction():
        rows = _change_in_turn(session, resource, request, asked, allowed)
    yield
    only = selected(session, resource, request)
    return Response(200, [show(session, resource, row, only) for row in rows])


def _change_in_turn(
    session: Session, resource: Resource, request: Request, asked: list[tuple[Row, Row]], allowed: Clause
) -> list[Row]:
    """Check and store each in turn; 4.3 stops at the first that is wrong, and does not say which it was."""
    rows, errors, statuses = [], [], set()
    for old, data in asked:
        try:
            if request.method == "PUT":
                check_complete(resource, data)
            row = update(session, resource, old, validate(session, resource, data, old))
            check_permitted(session, resource, row, allowed)
            rows.append(row)
        except (InvalidError, ApiError) as error:
            if not session.release.modern:
                raise
            failed, status = _failure(error)
            errors.append({"id": old["id"], "errors": failed})
            statuses.add(status)
    if errors:
        raise _failed(errors, len(asked), "updated", 403 if 403 in statuses else 400)  # noqa: PLR2004
    return rows


def _failure(error: InvalidError | ApiError) -> tuple[Row, int]:
    """Return what a list says of one object, and the status that it stands for.

    Only a constraint that the object breaks is told of the object; every other error ends the call.
    """
    if isinstance(error, InvalidError):
        return error.errors, 400
    if error.body != {"detail": NO_PERMISSION}:
        raise error
    return {"__all__": [_NOT_PERMITTED]}, 403


def remove_many(session: Session, resource: Resource, request: Request) -> Steps:
    """Delete several objects."""
    yield from ()
    allowed = session.account.require(session, resource, "delete")
    data = request.data()
    found = _numbers(session, resource, data, allowed)
    messages = {int(item["id"]): item.get("changelog_message") for item in data}
    with session.database.transaction():
        for number, row in found.items():
            session.message = str(messages[number] or "") if session.release.modern else ""
            delete(session, resource, row)
    return Response(204, empty=True)
