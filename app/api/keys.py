"""Where the key of an allocation or a virtual machine comes from, and what one looks like.

The path's key, else the body's, else the `Idempotency-Key` header (its quotes stripped), else the desk draws
one from the DNS name; a machine's is drawn from its name here. With a path or body key the header is not
looked at.
"""

import re
from typing import Annotated, Final

from fastapi import Path
from pydantic import AfterValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.errors import InvalidRequest, KeyRequired, PartOfMachine, Violation

KEY_LENGTH: Final = 300
WRITTEN: Final = re.compile(rf"[A-Za-z0-9._:@-]{{1,{KEY_LENGTH}}}")
SHOWN: Final = re.compile(rf"[A-Za-z0-9._:@~-]{{1,{KEY_LENGTH}}}")
NOT_KEYS: Final = frozenset({"null", ".", ".."})
"""`null` means something else to NetBox; `.` and `..` cannot stand in a URL's path."""

MACHINE_KEY_LENGTH: Final = 280
"""Shorter than others: the keys of a machine's addresses are its own with `~1~v4~1` and the like after it."""

_RULE: Final = (
    "a key is 1 to {} of letters, digits and . _ : @ - and is not `null`, `.` or `..`; `~` is Berth's own"
)
RULE: Final = _RULE.format(KEY_LENGTH)
MACHINE_RULE: Final = f"a virtual machine's{_RULE.format(MACHINE_KEY_LENGTH)[1:]}"
_JSON_PATTERN = r"^(?!(null|\.|\.\.)$)[A-Za-z0-9._:@-]+$"
_JSON_PATTERN_SHOWN = r"^(?!(null|\.|\.\.)$)[A-Za-z0-9._:@~-]+$"


def is_key(text: str) -> bool:
    """Whether a caller may choose this key."""
    return bool(WRITTEN.fullmatch(text)) and text not in NOT_KEYS


def is_machine_key(text: str) -> bool:
    """Whether a caller may choose this key for a virtual machine."""
    return is_key(text) and len(text) <= MACHINE_KEY_LENGTH


def _chosen(text: str) -> str:
    if not is_key(text):
        raise PydanticCustomError("key", RULE)
    return text


def _chosen_for_machine(text: str) -> str:
    if not is_machine_key(text):
        raise PydanticCustomError("key", MACHINE_RULE)
    return text


def _shown(text: str) -> str:
    if not SHOWN.fullmatch(text) or text in NOT_KEYS:
        raise PydanticCustomError("key", RULE)
    return text


def _schema(pattern: str, example: str, longest: int = KEY_LENGTH) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern, "examples": [example]}
    )


BodyKey = Annotated[
    str, StringConstraints(strict=True), AfterValidator(_chosen), _schema(_JSON_PATTERN, "web-01")
]
PathKey = Annotated[
    str,
    Path(description="The key of the allocation."),
    AfterValidator(_shown),
    _schema(_JSON_PATTERN_SHOWN, "web-01"),
]


MachineBodyKey = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_chosen_for_machine),
    _schema(_JSON_PATTERN, "web-01", MACHINE_KEY_LENGTH),
]
MachinePathKey = Annotated[
    str,
    Path(description="The key of the virtual machine."),
    AfterValidator(_chosen_for_machine),
    _schema(_JSON_PATTERN, "web-01", MACHINE_KEY_LENGTH),
]


def put_key(path_key: str, body_key: str | None) -> str:
    """The key of a PUT.

    Raises:
        InvalidRequest: the body names another one.
        PartOfMachine: the key is one that Berth made for an address of a virtual machine.
    """
    if body_key is not None and body_key != path_key:
        detail = f"the path says {path_key!r}; leave it out, or send the same"
        raise InvalidRequest(errors=[Violation("/key", "key_contradicts_path", detail)])
    if "~" in path_key:
        raise PartOfMachine
    return path_key


def machine_key(body_key: str | None, header: str | None, name: str | None) -> str:
    """The key of a POST of a virtual machine: the body's, else the header's, else the name in lower case.

    Raises:
        InvalidRequest: the header holds no key.
        KeyRequired: there is none of the three, or the name makes no key.
    """
    key = post_key(body_key, header)
    if len(key) > MACHINE_KEY_LENGTH:
        raise InvalidRequest(errors=[Violation("", "key", f"`Idempotency-Key`: {MACHINE_RULE}")])
    drawn = key or (name or "").lower()
    if not is_machine_key(drawn):
        raise KeyRequired(_MACHINE_KEY_REQUIRED)
    return drawn


_MACHINE_KEY_REQUIRED = (
    "A write needs a key, so that a repeat finds its machine. Send `key`, an `Idempotency-Key` header, or a "
    "`name` that makes one."
)


def post_key(body_key: str | None, header: str | None) -> str:
    """The key of a POST; empty where it has to be drawn from the DNS name.

    Raises:
        InvalidRequest: the header holds no key.
    """
    if body_key is not None:
        return body_key
    if header is None:
        return ""
    text = header.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    key = text[1:-1] if quoted else text
    if not is_key(key):
        raise InvalidRequest(errors=[Violation("", "key", f"`Idempotency-Key`: {RULE}")])
    return key
