"""Forms as `curl -d key=web-01 -d prefix=10.20.0.0/24` and portals send them, read into JSON.

A field left empty counts as not sent. `tags=a,b` and a repeated `tags=a&tags=b` are the same list; any other
repeated field becomes a list, which the schema refuses. `custom_fields.cost_center=42` is a member of
`custom_fields`, and text. Digits become a number where a number is wanted; an id may stay digits. `true` and
`false` are a flag's values.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from app.domain.inventory import Json
from app.edge.errors import MalformedBody

MAX_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class FormShape:
    """Which fields of a form are more than text."""

    lists: frozenset[str] = field(default_factory=frozenset)
    integers: frozenset[str] = field(default_factory=frozenset)
    objects: frozenset[str] = field(default_factory=frozenset)
    flags: frozenset[str] = field(default_factory=frozenset)


def parse_form(text: str, shape: FormShape) -> dict[str, Json]:
    """Read a form.

    Raises:
        MalformedBody: it is none, or has too many fields.
    """
    fields: dict[str, Json] = {}
    for name, value in _pairs(text):
        if not value:
            continue
        group, dot, member = name.partition(".")
        if dot and group in shape.objects:
            inner = fields.setdefault(group, {})
            if isinstance(inner, dict):
                _add(inner, member, value)
        elif name in shape.lists:
            _extend(fields, name, [item.strip() for item in value.split(",") if item.strip()])
        else:
            _add(fields, name, _value(name, value, shape))
    return fields


def _value(name: str, value: str, shape: FormShape) -> Json:
    if name in shape.flags:
        return {"true": True, "false": False}.get(value, value)
    return _number(value) if name in shape.integers else value


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError as error:
        raise MalformedBody("The form is not UTF-8.") from error
    except ValueError as error:
        raise MalformedBody(
            f"The body is neither a JSON object nor a form of at most {MAX_FIELDS} fields; "
            'send JSON such as {"key": "web-01"}.'
        ) from error


def _number(value: str) -> Json:
    digits = value.isascii() and value.isdigit() and len(value) <= len(str(2**53))
    return int(value) if digits else value


def _add(fields: dict[str, Json], name: str, value: Json) -> None:
    if name in fields:
        _extend(fields, name, [value])
    else:
        fields[name] = value


def _extend(fields: dict[str, Json], name: str, values: list[Json] | list[str]) -> None:
    before = fields.get(name, [])
    fields[name] = [*(before if isinstance(before, list) else [before]), *values]
