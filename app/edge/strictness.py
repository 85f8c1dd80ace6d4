"""JSON as RFC 8259 means it, and text without what could write into a terminal or a log."""

import json
import math
import re
from collections.abc import Iterator
from typing import Final, NoReturn

from app.domain.errors import InvalidRequest, Violation
from app.domain.inventory import Json
from app.edge.errors import MalformedBody

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**63 - 1
MAX_VIOLATIONS: Final = 100

FORBIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters (category Cc)
    "\u2028\u2029"  # line and paragraph separators
    "\u202a-\u202e\u2066-\u2069"  # bidirectional overrides: a name that reads as another one
    "\ud800-\udfff"  # halves of surrogate pairs: no UTF-8 for them
    "]"
)


def parse_json(text: str) -> Json:
    """Parse JSON that every other parser reads the same way.

    Raises:
        MalformedBody: no JSON, a member given twice, NaN, infinities, integers beyond 64 bits, too deep.
    """
    try:
        value: Json = _decoder.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"The body is not JSON: {error.msg} at {place}.") from error
    except RecursionError as error:
        raise MalformedBody(_TOO_DEEP) from error
    return value


_TOO_DEEP = f"The body is nested more than {MAX_DEPTH} levels deep."


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedBody(f"The body has the member {clean(twice)!r} twice in one object.")
    return members


def _constant(text: str) -> NoReturn:
    raise MalformedBody(f"The body is not JSON: {text} is no JSON number.")


def _integer(text: str) -> int:
    if len(text) > len(str(MAX_INTEGER)) + 1 or abs(int(text)) > MAX_INTEGER:
        raise MalformedBody("The body holds an integer beyond 64 bits.")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MalformedBody("The body holds a number beyond the range of a double.")
    return value


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
)


def clean(text: str) -> str:
    """The text with what is forbidden replaced, so that a message can quote it."""
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def check_text(value: Json) -> None:
    """Refuse forbidden characters in any string of a document, names of members included.

    Raises:
        InvalidRequest: with a pointer to each.
        MalformedBody: it is nested too deeply.
    """
    violations = []
    for violation in _forbidden(value, "", 0):
        violations.append(violation)
        if len(violations) == MAX_VIOLATIONS:
            break
    if violations:
        raise InvalidRequest(errors=violations)


def _forbidden(value: Json, pointer: str, depth: int) -> Iterator[Violation]:
    if depth > MAX_DEPTH:
        raise MalformedBody(_TOO_DEEP)
    if isinstance(value, str):
        yield from _forbidden_text(value, pointer)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _forbidden(item, f"{pointer}/{index}", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            place = f"{pointer}/{escape(name)}"
            yield from _forbidden_text(name, place)
            yield from _forbidden(item, place, depth + 1)


def _forbidden_text(text: str, pointer: str) -> Iterator[Violation]:
    found = FORBIDDEN.search(text)
    if found:
        name = f"U+{ord(found.group()):04X}"
        detail = f"holds the character {name}; control and formatting characters are refused"
        yield Violation(pointer, "control_character", detail)


def escape(name: str) -> str:
    """A member's name as it stands in a JSON pointer (RFC 6901), fit to be quoted."""
    return clean(name).replace("~", "~0").replace("/", "~1")
