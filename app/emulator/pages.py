"""Lists: which page of which objects, in which order, with links to the next and the previous page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.errors import ApiError
from app.emulator.filters import where
from app.emulator.records import fetch, show
from app.emulator.resource import columns_of, readers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Clause, Json, Row
    from app.emulator.wire import Request

DEFAULT, LARGEST = 50, 1000


def number(text: str, default: int) -> int:
    """Return a number that is not negative; anything else is the default."""
    return int(text) if text.isdigit() else default


def page_size(request: Request) -> int:
    """Return the number of objects on a page: 50, as asked for, at most 1000; 0 asks for the most."""
    asked = number(request.parameter("limit"), DEFAULT)
    return min(asked or LARGEST, LARGEST)


def list_objects(session: Session, resource: Resource, request: Request, allowed: Clause) -> Row:
    """Return a page of what the query selects among the objects that may be seen."""
    sql, values = where(session, resource, request.query)
    clause = (f"{sql} AND {allowed[0]}", [*values, *allowed[1]])
    if session.release.modern and request.parameter("start"):
        return _by_cursor(session, resource, request, clause)
    size = page_size(request)
    offset = number(request.parameter("offset"), 0)
    total = session.database.value(f"SELECT count(*) FROM {resource.table} WHERE {clause[0]}", clause[1])
    ordered = f"{clause[0]} ORDER BY {ordering(resource, request)} LIMIT {size} OFFSET {offset}"
    rows = fetch(session, resource, ordered, clause[1])
    more = request.with_query(limit=size, offset=offset + size) if offset + size < total else None
    back = None
    if offset:
        before = offset - size
        back = request.with_query(limit=size, offset=before if before > 0 else None)
    return {
        "count": total,
        "next": more,
        "previous": back,
        "results": _shown(session, resource, request, rows),
    }


def _by_cursor(session: Session, resource: Resource, request: Request, clause: Clause) -> Row:
    """Return the objects from an id on; the count is left out."""
    start = request.parameter("start")
    if not start.isdigit():
        raise ApiError(400, ["Invalid 'start' parameter: must be a non-negative integer."])
    if "offset" in request.query:
        raise ApiError(400, ["'start' and 'offset' are mutually exclusive."])
    if "ordering" in request.query:
        raise ApiError(400, ["Ordering cannot be specified in conjunction with cursor-based pagination."])
    size = page_size(request)
    rows = fetch(
        session, resource, f"{clause[0]} AND id >= ? ORDER BY id LIMIT {size}", [*clause[1], int(start)]
    )
    full = len(rows) == size
    more = request.with_query(start=rows[-1]["id"] + 1, limit=size) if rows and full else None
    return {
        "count": None,
        "next": more,
        "previous": None,
        "results": _shown(session, resource, request, rows),
    }


def ordering(resource: Resource, request: Request) -> str:
    """Return the order that is asked for, by known columns only, or the resource's own."""
    terms = []
    for term in request.parameter("ordering").split(","):
        name = term.removeprefix("-")
        column = {"address": "address_host", "prefix": "prefix_first"}.get(name, name)
        if column == "id" or column in columns_of(resource):
            terms.append(f"{column} {'DESC' if term.startswith('-') else 'ASC'}")
    return ", ".join(terms) or resource.order


def selected(session: Session, resource: Resource, request: Request) -> Sequence[str] | None:
    """Return the keys that a request asks for by ``fields``, ``omit`` or ``brief``; None for all.

    4.3 knows ``exclude``, for the config context alone; 4.7 does not.
    """
    if request.parameter("fields"):
        return request.parameter("fields").split(",")
    omitted = request.parameter("omit").split(",") if session.release.modern else []
    if not session.release.modern and "config_context" in request.parameter("exclude").split(","):
        omitted = ["config_context"]
    if omitted not in ([], [""]):
        return [name for name in readers_of(resource, session.release) if name not in omitted]
    if request.method == "GET" and request.parameter("brief") and resource.brief:
        return (*resource.brief, *resource.counts)
    return None


def _shown(session: Session, resource: Resource, request: Request, rows: list[Row]) -> list[Json]:
    only = selected(session, resource, request)
    return [show(session, resource, row, only) for row in rows]
