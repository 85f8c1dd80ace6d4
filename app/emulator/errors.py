"""What can go wrong inside, and the answer that NetBox gives for it.

::

    EmulatorError
    ├── FieldError      one field of one object
    ├── InvalidError    one object: errors by field
    └── ApiError        the whole call: a status and a body
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.emulator.values import Json, Row

NO_PERMISSION = "You do not have permission to perform this action."


class EmulatorError(Exception):
    """Anything that NetBox answers with something other than success."""


class FieldError(EmulatorError):
    """A value that a field does not take.

    Args:
        messages: one message, or the structure that stands in its place.
        key: the field that is blamed, where that is not the field that was read.
    """

    def __init__(self, messages: Json, key: str | None = None) -> None:
        super().__init__(messages)
        self.messages = [messages] if isinstance(messages, str) else messages
        self.key = key


class InvalidError(EmulatorError):
    """An object that does not validate; ``errors`` by field, ``__all__`` for the object."""

    def __init__(self, errors: Row) -> None:
        super().__init__(errors)
        self.errors = errors

    @classmethod
    def whole(cls, message: str) -> InvalidError:
        """Blame the object as such."""
        return cls({"__all__": [message]})


class ApiError(EmulatorError):
    """An answer that ends the call."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def detail(status: int, text: str) -> ApiError:
    """Return an error of the usual form."""
    return ApiError(status, {"detail": text})


def denied(text: str = NO_PERMISSION) -> ApiError:
    """Return NetBox's only answer to any fault of token or permission: 403."""
    return detail(403, text)


def not_found(name: str) -> ApiError:
    """Return the 404 of an object that is not there or not visible."""
    return detail(404, f"No {name} matches the given query.")
