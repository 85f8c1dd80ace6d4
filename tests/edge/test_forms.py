"""Forms, read into the JSON they stand for."""

import pytest

from app.domain.inventory import Json
from app.edge.errors import MalformedBody
from app.edge.forms import FormShape, parse_form

SHAPE = FormShape(
    frozenset({"tags"}), frozenset({"hold_seconds"}), frozenset({"custom_fields"}), frozenset({"adopt"})
)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("key=web-01&prefix=10.20.0.0%2F24", {"key": "web-01", "prefix": "10.20.0.0/24"}),
        ("description=two+words", {"description": "two words"}),
        ("description=&key=a", {"key": "a"}),  # not filled in
        ("prefix=7", {"prefix": "7"}),  # an id may stay digits
        ("hold_seconds=60", {"hold_seconds": 60}),
        ("hold_seconds=soon", {"hold_seconds": "soon"}),  # the schema refuses it
        ("adopt=true&key=true", {"adopt": True, "key": "true"}),
        ("adopt=false", {"adopt": False}),
        ("adopt=on", {"adopt": "on"}),  # the schema refuses it
        ("tags=a,b", {"tags": ["a", "b"]}),
        ("tags=a&tags=b,+c", {"tags": ["a", "b", "c"]}),
        ("tags=a", {"tags": ["a"]}),
        ("key=a&key=b", {"key": ["a", "b"]}),  # the schema refuses it
        ("custom_fields.cost_center=42&custom_fields.x=", {"custom_fields": {"cost_center": "42"}}),
        ("other.x=1", {"other.x": "1"}),  # the schema refuses it
        ("custom_fields=1&custom_fields.x=2", {"custom_fields": "1"}),
    ],
)
def test_a_form_is_read(text: str, fields: Json) -> None:
    """Field by field."""
    assert parse_form(text, SHAPE) == fields


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("hello world", "neither a JSON object nor a form"),
        ("null", "neither a JSON object nor a form"),
        ("key=%ff", "not UTF-8"),
        ("&".join(["a=1"] * 201), "at most 200 fields"),
    ],
)
def test_what_is_no_form_is_refused(text: str, detail: str) -> None:
    """With what to send instead."""
    with pytest.raises(MalformedBody) as caught:
        parse_form(text, SHAPE)
    assert detail in caught.value.detail
