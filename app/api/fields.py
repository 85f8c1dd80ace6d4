"""The types of the fields of requests: what is checked before anything is looked up."""

import ipaddress
import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.errors import InvalidRequest
from app.domain.inventory import CLAIM_FIELD, OWNER_FIELD
from app.naming.numbers import Template

MAX_ID: Final = 2**53 - 1
"""The largest integer that every JSON parser keeps exact."""

MAX_PATTERN: Final = 255
MAX_TAGS: Final = 100
MAX_HOLD: Final = 30 * 24 * 3600
CLAIM_FIELDS: Final = frozenset({CLAIM_FIELD, OWNER_FIELD})

_NAME_PATTERN = r"^[^{}]*\{n{1,9}\}[^{}]*$"
_MAC = re.compile(
    r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_LENGTH = re.compile(r"[0-9]{1,3}")


NO_CONTROLS = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
_ID_OR_PREFIX = r"^([1-9][0-9]{0,15}|[0-9A-Fa-f.:]+/[0-9]{1,3})$"
_ID_OR_RANGE = r"^([1-9][0-9]{0,15}|[0-9A-Fa-f.:]+ ?- ?[0-9A-Fa-f.:]+)$"
_ONE_ADDRESS = r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"


def is_digits(text: str) -> bool:
    """Whether the text is an id, written in digits."""
    return text.isascii() and text.isdigit()


def _check_id(number: int) -> None:
    if not 0 < number <= MAX_ID:
        raise PydanticCustomError("id", "an id is a whole number from 1 on")


def _name_or_id(value: Any) -> str | int:  # noqa: ANN401 - anything may have been sent
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PydanticCustomError("wrong_type", "send text or an id")
    if isinstance(value, int):
        _check_id(value)
    elif not value or len(value) > 100:  # noqa: PLR2004 - NetBox's longest name
        raise PydanticCustomError("length", "send 1 to 100 characters, or an id")
    elif is_digits(value):
        _check_id(0 if value.startswith("0") else int(value))
    return value


def _prefix(value: Any) -> str | int:  # noqa: ANN401
    text = _name_or_id(value)
    if isinstance(text, int) or is_digits(text):
        return text
    host, slash, length = text.partition("/")
    if not slash or not _LENGTH.fullmatch(length) or "%" in host:
        raise PydanticCustomError("cidr", "write the prefix as 10.20.0.0/24 or 2001:db8::/64, or send its id")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        reason = {"reason": str(error)}
        raise PydanticCustomError("cidr", "no prefix: {reason}; write it as 10.20.0.0/24", reason) from error
    if ipaddress.ip_address(host) != network.network_address:
        raise PydanticCustomError(
            "host_bits_set",
            "has bits set beyond its mask; did you mean {network}?",
            {"network": str(network)},
        )
    return text


def _ip_range(value: Any) -> str | int:  # noqa: ANN401
    text = _name_or_id(value)
    if isinstance(text, int) or is_digits(text):
        return text
    first, _, last = text.partition("-")
    try:
        bounds = (ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip()))
    except ValueError as error:
        raise PydanticCustomError("range", _RANGE) from error
    if bounds[0].version != bounds[1].version or int(bounds[0]) > int(bounds[1]) or "%" in text:
        raise PydanticCustomError("range", _RANGE)
    return text


_RANGE = "write the range as 10.20.0.10-10.20.0.50, first address first, or send its id"


def _address(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "send text")
    host, slash, length = value.partition("/")
    try:
        ipaddress.ip_interface(value)
    except ValueError as error:
        raise PydanticCustomError("address", _ADDRESS) from error
    if "%" in host or (slash and not _LENGTH.fullmatch(length)):
        raise PydanticCustomError("address", _ADDRESS)
    return value


_ADDRESS = "write the address as 10.20.0.5 or 10.20.0.5/24"


def _family(value: Any) -> Literal[4, 6]:  # noqa: ANN401
    if type(value) is int and value == 4:  # noqa: PLR2004 - IPv4
        return 4
    if type(value) is int and value == 6:  # noqa: PLR2004 - IPv6
        return 6
    raise PydanticCustomError("not_a_choice", "send 4 or 6")


def _name_pattern(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "send text")
    if len(value) > MAX_PATTERN:
        raise PydanticCustomError("string_too_long", "send at most {most} characters", {"most": MAX_PATTERN})
    try:
        Template.parse(value)
    except InvalidRequest as error:
        [found] = error.errors
        raise PydanticCustomError("name_pattern.malformed", "{what}", {"what": found.detail}) from None
    return value


def _mac_address(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        raise PydanticCustomError("mac_address", "write the MAC address as 52:54:00:12:34:56")
    return value


def _custom_fields(value: Any) -> dict[str, JsonValue]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise PydanticCustomError("wrong_type", "send an object of custom fields and their values")
    for name in value:
        if name in CLAIM_FIELDS:
            raise PydanticCustomError(
                "reserved", "`{name}` carries Berth's claim and is its own", {"name": name}
            )
        if not re.fullmatch(r"[A-Za-z0-9_]{1,50}", name):
            raise PydanticCustomError(
                "custom_field", "a custom field's name is letters, digits and underscores"
            )
    return value


def schema(description: str, *types: str, **more: object) -> WithJsonSchema:
    """What the document says of a field."""
    kinds: object = types[0] if len(types) == 1 else list(types)
    return WithJsonSchema({"type": kinds, "description": description, **more})


def text_schema(shortest: int, longest: int) -> WithJsonSchema:
    """Text, as the document describes it. The edge refuses control characters wherever they are."""
    return WithJsonSchema(
        {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": NO_CONTROLS}
    )


NameOrId = Annotated[
    str | int,
    PlainValidator(_name_or_id),
    schema(
        "A name, or an id.",
        "string",
        "integer",
        minLength=1,
        maxLength=100,
        minimum=1,
        maximum=MAX_ID,
        pattern=NO_CONTROLS,
    ),
]
PrefixOrId = Annotated[
    str | int,
    PlainValidator(_prefix),
    schema(
        "A prefix in CIDR form, or its id.",
        "string",
        "integer",
        minLength=1,
        maxLength=100,
        minimum=1,
        maximum=MAX_ID,
        pattern=_ID_OR_PREFIX,
        examples=["10.20.0.0/24"],
    ),
]
RangeOrId = Annotated[
    str | int,
    PlainValidator(_ip_range),
    schema(
        "An IP range, first and last address with a hyphen between, or its id.",
        "string",
        "integer",
        minLength=1,
        maxLength=100,
        minimum=1,
        maximum=MAX_ID,
        pattern=_ID_OR_RANGE,
        examples=["10.20.0.10-10.20.0.50"],
    ),
]
AddressText = Annotated[
    str,
    PlainValidator(_address),
    schema(
        "One address, with or without its mask length.",
        "string",
        pattern=_ONE_ADDRESS,
        examples=["10.20.0.5"],
    ),
]
Family = Annotated[
    Literal[4, 6],
    PlainValidator(_family),
    WithJsonSchema({"type": "integer", "enum": [4, 6]}),
]
MacAddress = Annotated[
    str,
    PlainValidator(_mac_address),
    schema("A MAC address.", "string", pattern=f"^({_MAC.pattern})$", examples=["52:54:00:12:34:56"]),
]
NamePattern = Annotated[
    str,
    PlainValidator(_name_pattern),
    schema(
        "A name with its number in braces, an `n` for each digit.",
        "string",
        maxLength=MAX_PATTERN,
        pattern=_NAME_PATTERN,
        examples=["docker-{nn}-nexus.spaceships.work"],
    ),
]
CustomFields = Annotated[
    dict[str, JsonValue],
    PlainValidator(_custom_fields),
    schema(
        "NetBox's custom fields by name. `berth_key` and `berth_owner` are Berth's own.",
        "object",
        additionalProperties=True,
        propertyNames={"pattern": "^[A-Za-z0-9_]{1,50}$", "not": {"enum": sorted(CLAIM_FIELDS)}},
    ),
]
Word = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=50), text_schema(1, 50)]
Label = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), text_schema(1, 100)]
Tags = Annotated[list[Label], Field(max_length=MAX_TAGS)]
Text = Annotated[str, StringConstraints(strict=True, max_length=200), text_schema(0, 200)]
DnsName = Annotated[str, StringConstraints(strict=True, max_length=255), text_schema(0, 255)]
