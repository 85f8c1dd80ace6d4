"""The kinds of fields that NetBox's objects have: what they take, what they store, what they show.

A resource (see ``resource.py``) is a table of these. A field reads its value from a request, keeps it
in one or more columns and shows it in an answer. Messages are NetBox's own, to the letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from app.emulator.errors import FieldError
from app.emulator.values import Json, Row

if TYPE_CHECKING:
    from app.emulator.session import Session

Reader: TypeAlias = "Callable[[Row, Session], Json]"

REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."


@dataclass(frozen=True, eq=False)
class Field:
    """What all fields share.

    Attributes:
        name: the key in requests and answers, and the column.
        required: a creation without it is refused.
        null: takes and shows ``null``.
        default: what is stored when a creation leaves it out.
        since: the series of NetBox that introduced it.
        shown: appears in answers.
        written: is taken from requests.
        column: the column, where SQL has the name for itself.
    """

    name: str
    required: bool = False
    null: bool = False
    default: Json = None
    since: str = "4.3"
    shown: bool = True
    written: bool = True
    column: str = ""
    sql: ClassVar[str] = "TEXT"

    @property
    def key(self) -> str:
        """The column of the value."""
        return self.column or self.name

    def columns(self) -> dict[str, str]:
        """Return the columns that the field needs, with their types."""
        return {self.key: self.sql}

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Move the field's value from a request into the columns; raises FieldError."""
        if self.name in data:
            value = data[self.name]
            if value is None and not self.null:
                raise FieldError(NULL)
            self.store(None if value is None else self.parse(value, session), values)
        elif create and self.required:
            raise FieldError(REQUIRED)
        elif create:
            self.store(self.default, values)

    def parse(self, value: Json, session: Session) -> Json:
        """Check and normalise a value that is not null; raises FieldError."""
        del session
        return value

    def store(self, value: Json, values: Row) -> None:
        """Write a parsed value to the columns."""
        values[self.key] = value

    def readers(self) -> dict[str, Reader]:
        """Return the keys that the field shows, each with a function that reads it from a row."""
        key = self.key
        return {self.name: lambda row, _session: row[key]}

    def logged(self, row: Row, session: Session) -> Row:
        """Return what the change log says about the field."""
        del session
        return {self.name: row[self.key]}


def check_characters(text: str) -> None:
    """Refuse what no text may hold; raises FieldError."""
    if "\0" in text:
        raise FieldError("Null characters are not allowed.")
    surrogate = re.search("[\ud800-\udfff]", text)
    if surrogate:
        raise FieldError(f"Surrogate characters are not allowed: U+{ord(surrogate[0]):X}.")


@dataclass(frozen=True, eq=False)
class Text(Field):
    """A string: stripped, limited, not null."""

    default: Json = ""
    blank: bool = True
    limit: int = 200
    lower: bool = False
    strip: bool = True
    pattern: str | None = None
    complaint: str = ""

    def parse(self, value: Json, session: Session) -> Json:
        """Take strings and numbers."""
        del session
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise FieldError("Not a valid string.")
        text = str(value).strip() if self.strip else str(value)
        check_characters(text)
        if not text and not self.blank:
            raise FieldError(BLANK)
        if len(text) > self.limit:
            raise FieldError(f"Ensure this field has no more than {self.limit} characters.")
        if text and self.pattern and not re.fullmatch(self.pattern, text):
            raise FieldError(self.complaint)
        return text.lower() if self.lower else text


@dataclass(frozen=True, eq=False)
class Slug(Text):
    """A slug."""

    required: bool = True
    blank: bool = False
    limit: int = 100
    pattern: str | None = r"[-a-zA-Z0-9_]+"
    complaint: str = 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'


@dataclass(frozen=True, eq=False)
class Choice(Field):
    """One of a set; shown as value and label. A blank is stored as null where that is allowed."""

    choices: Mapping[str, str] | None = None

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Treat null as a blank, as NetBox does."""
        if self.name in data and data[self.name] in (None, ""):
            if not self.null:
                raise FieldError(BLANK)
            values[self.name] = None
            return
        super().take(data, values, session, create=create)

    def parse(self, value: Json, session: Session) -> Json:
        """Take one of the values."""
        del session
        if isinstance(value, dict | list):
            raise FieldError(
                'Value must be passed directly (e.g. "foo": 123); do not use a dictionary or list.'
            )
        if not isinstance(value, str) or value not in (self.choices or {}):
            raise FieldError(f"{value} is not a valid choice.")
        return value

    def readers(self) -> dict[str, Reader]:
        """Show value and label."""
        name = self.name
        shown = {value: {"value": value, "label": label} for value, label in (self.choices or {}).items()}
        return {name: lambda row, _session: shown.get(row[name])}


@dataclass(frozen=True, eq=False)
class Integer(Field):
    """A whole number within limits."""

    low: int | None = None
    high: int | None = None
    sql: ClassVar[str] = "INTEGER"

    def parse(self, value: Json, session: Session) -> Json:
        """Take whole numbers and strings of digits."""
        del session
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+(\.0+)?", str(value)):
            raise FieldError("A valid integer is required.")
        number = int(float(value))
        if self.low is not None and number < self.low:
            raise FieldError(f"Ensure this value is greater than or equal to {self.low}.")
        if self.high is not None and number > self.high:
            raise FieldError(f"Ensure this value is less than or equal to {self.high}.")
        return number


@dataclass(frozen=True, eq=False)
class VirtualCores(Field):
    """The number of virtual CPUs: a decimal of at least 0.01."""

    null: bool = True
    sql: ClassVar[str] = "REAL"

    def parse(self, value: Json, session: Session) -> Json:
        """Take numbers; the message for those that are too small shows the float that 0.01 is."""
        del session
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise FieldError("A valid number is required.") from None
        if -int(number.as_tuple().exponent) > 2:  # noqa: PLR2004
            raise FieldError("Ensure that there are no more than 2 decimal places.")
        if number < Decimal("0.01"):
            raise FieldError(f"Ensure this value is greater than or equal to {Decimal(0.01)}.")  # noqa: RUF032
        return float(number)


@dataclass(frozen=True, eq=False)
class Boolean(Field):
    """True or false."""

    default: Json = False
    sql: ClassVar[str] = "INTEGER"

    def parse(self, value: Json, session: Session) -> Json:
        """Take booleans and the words that stand for them."""
        del session
        word = str(value).lower()
        if word in ("true", "t", "yes", "y", "on", "1", "1.0"):
            return True
        if word in ("false", "f", "no", "n", "off", "0", "0.0"):
            return False
        raise FieldError("Must be a valid boolean.")

    def readers(self) -> dict[str, Reader]:
        """Show a boolean, not SQLite's number."""
        key = self.key
        return {self.name: lambda row, _session: bool(row[key])}


@dataclass(frozen=True, eq=False)
class Document(Field):
    """A JSON value, or a list of them, stored as text."""

    null: bool = True
    plural: bool = False

    def parse(self, value: Json, session: Session) -> Json:
        """Take anything, or only lists."""
        if self.plural and not isinstance(value, list):
            text = f'Expected a list of items but got type "{type(value).__name__}".'
            raise FieldError({session.release.non_field: [text]})
        return value

    def store(self, value: Json, values: Row) -> None:
        """Write the text."""
        values[self.key] = None if value is None else json.dumps(value)

    def readers(self) -> dict[str, Reader]:
        """Show the value."""
        key = self.key
        return {self.name: lambda row, _session: json.loads(row[key] or "null")}


@dataclass(frozen=True, eq=False)
class Stamp(Field):
    """A moment, in UTC."""

    null: bool = True
    written: bool = False

    def parse(self, value: Json, session: Session) -> Json:
        """Take ISO 8601; a moment without a zone is in UTC."""
        del session
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise FieldError("Datetime has wrong format.") from None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, eq=False)
class Computed(Field):
    """A value that is worked out for each answer; requests cannot set it."""

    written: bool = False
    reader: Reader | None = None

    def columns(self) -> dict[str, str]:
        """Need none."""
        return {}

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Ignore what a request says."""

    def readers(self) -> dict[str, Reader]:
        """Show the value, or the constant that stands for something that is not emulated."""
        default = self.default
        return {self.name: self.reader or (lambda _row, _session: default)}


def constants(
    given: Mapping[str, Json] = MappingProxyType({}), /, *, since: str = "4.3", **values: Json
) -> tuple[Computed, ...]:
    """Return fields of NetBox that are shown with one value and never change here."""
    everything = {**given, **values}
    return tuple(Computed(name, default=value, since=since) for name, value in everything.items())
