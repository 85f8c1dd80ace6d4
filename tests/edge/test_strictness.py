"""JSON as RFC 8259 means it, and text without what could write into a terminal or a log."""

import pytest

from app.domain.errors import InvalidRequest
from app.domain.inventory import Json
from app.edge.errors import MalformedBody
from app.edge.strictness import MAX_DEPTH, check_text, clean, escape, parse_json


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('{"a": }', "Expecting value at line 1, column 7"),
        ('{"a": 1,\n "b" 2}', "Expecting ':' delimiter at line 2, column 6"),
        ('{"a": 1} x', "Extra data at line 1, column 10"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' twice"),
        ('{"x": {"a\\u001b": 1, "a\\u001b": 2}}', "'a\N{REPLACEMENT CHARACTER}' twice"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1e999}', "beyond the range of a double"),
        ('{"a": 9223372036854775808}', "an integer beyond 64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "an integer beyond 64 bits"),
        ("[" * 60_000, "nested more than 32 levels"),
        ('{"a":' * 20_000, "nested more than 32 levels"),
    ],
)
def test_a_body_that_parsers_could_read_differently_is_refused(text: str, detail: str) -> None:
    """400, with the place where it is known."""
    with pytest.raises(MalformedBody) as caught:
        parse_json(text)
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, "ü", null, true]}', {"a": [1, 2.5, "ü", None, True]}),
        ("[-9223372036854775807]", [-9223372036854775807]),
        ('"\\ud83d\\ude00"', "😀"),  # a pair of surrogates is one character
        ("{}", {}),
    ],
)
def test_json_is_read(text: str, value: Json) -> None:
    """As it is."""
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("value", "pointer", "name"),
    [
        ({"a": "x\x00"}, "/a", "U+0000"),
        ({"a": "x\r\ny"}, "/a", "U+000D"),
        ({"a": "\x1b[31m"}, "/a", "U+001B"),
        ({"a": "\x7f"}, "/a", "U+007F"),
        ({"a": "\x9b31m"}, "/a", "U+009B"),  # CSI in one character
        ({"a": "x\u2028y"}, "/a", "U+2028"),  # ends a line in JavaScript
        ({"a": "\u202egnp.exe"}, "/a", "U+202E"),  # reads backwards
        ({"a": "\ud800"}, "/a", "U+D800"),  # half a character
        ({"custom_fields": {"x": ["ok", {"y": "\t"}]}}, "/custom_fields/x/1/y", "U+0009"),
        ({"a/b~c": "\n"}, "/a~1b~0c", "U+000A"),
        ({"a\n": 1}, "/a\N{REPLACEMENT CHARACTER}", "U+000A"),  # names of members too
    ],
)
def test_control_characters_are_refused_in_every_string(value: Json, pointer: str, name: str) -> None:
    """With a pointer to the place, which does not carry the character itself."""
    with pytest.raises(InvalidRequest) as caught:
        check_text(value)
    (violation,) = caught.value.errors
    assert (violation.pointer, violation.code) == (pointer, "control_character")
    assert name in violation.detail


def test_text_of_any_language_is_taken() -> None:
    """Also with joiners and marks that some scripts need."""
    check_text({"a": "Bücher, שלום\u200f, न\u200dमस्ते, 😀"})


def test_every_bad_string_is_reported_up_to_a_hundred() -> None:
    """At once, and without end to nobody's memory."""
    with pytest.raises(InvalidRequest) as caught:
        check_text(["\n"] * 3)
    assert [error.pointer for error in caught.value.errors] == ["/0", "/1", "/2"]
    with pytest.raises(InvalidRequest) as caught:
        check_text(["\n"] * 5000)
    assert len(caught.value.errors) == 100


def test_the_depth_is_bounded() -> None:
    """32 levels are enough for anybody's custom fields."""
    value: Json = "x"
    for _ in range(MAX_DEPTH):
        value = [value]
    check_text(value)
    with pytest.raises(MalformedBody):
        check_text([value])


def test_a_pointer_escapes_what_pointers_escape() -> None:
    """RFC 6901, section 3."""
    assert escape("a/b~c\n") == "a~1b~0c\N{REPLACEMENT CHARACTER}"
    assert clean("ok") == "ok"
