"""Cursors: where a list goes on, in a form that nobody is tempted to read."""

import base64
import binascii
from typing import Annotated, Final

from fastapi import Query

from app.domain.errors import InvalidRequest, Violation

MAX_PAGE: Final = 200
DEFAULT_PAGE: Final = 50
MAX_CURSOR: Final = 600

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="At most this many items.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR,
        pattern="^[A-Za-z0-9_-]+$",
        description="`next` of the page before; leave it out for the first page.",
    ),
]


def seal(position: str | None) -> str | None:
    """The cursor for a position."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def unseal(cursor: str | None) -> str | None:
    """The position of a cursor.

    Raises:
        InvalidRequest: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        position = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise foreign_cursor() from error
    if not position or not position.isprintable() or seal(position) != cursor:
        raise foreign_cursor()
    return position


def unseal_id(cursor: str | None) -> int:
    """The id that a list in order of ids goes on after; 0 for the first page.

    Raises:
        InvalidRequest: it is none of ours.
    """
    position = unseal(cursor)
    if position is None:
        return 0
    if not (position.isascii() and position.isdigit() and len(position) <= 15):  # noqa: PLR2004
        raise foreign_cursor()
    return int(position)


def foreign_cursor() -> InvalidRequest:
    """The refusal of a cursor that did not come from this list."""
    return InvalidRequest(
        errors=[Violation("", "cursor", "`cursor` is `next` of the page before, as it was given")]
    )
