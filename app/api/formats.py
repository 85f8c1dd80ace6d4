"""The forms in which an allocation is answered: JSON, the address alone, and what others read."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Final

from app.api.terraform import STATE_TYPE, state
from app.domain.inventory import Json
from app.operations.answers import Allocation

JSON_TYPE: Final = "application/json"
TEXT_TYPE: Final = "text/plain; charset=utf-8"


class Format(StrEnum):
    """What `?format=` takes."""

    JSON = "json"
    TEXT = "text"
    ENV = "env"
    PROXMOX = "proxmox"
    TERRAFORM = "terraform"


class Shape(StrEnum):
    """What `?format=` takes where an answer has no form for shells."""

    JSON = "json"
    TERRAFORM = "terraform"


_MEMBERS: Final = tuple(field.name for field in fields(Allocation))
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def members(allocation: Allocation) -> dict[str, Json]:
    """The fields of an allocation in their fixed order; members of nested objects in alphabetical order."""
    return {name: plain(getattr(allocation, name)) for name in _MEMBERS}


def plain(value: object) -> Json:
    """The value as JSON has it, with an object's members in alphabetical order.

    Plain values come first: nearly all are, and they are told apart fastest.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(value[name]) for name in sorted(value)}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def json_bytes(value: object) -> bytes:
    """JSON in one fixed writing: equal values are equal bytes."""
    return _write(value).encode("utf-8", "replace")


def render(allocation: Allocation, wanted: Format) -> tuple[bytes, str]:
    """The answer's bytes and their media type."""
    match wanted:
        case Format.JSON:
            return json_bytes(members(allocation)), JSON_TYPE
        case Format.TEXT:
            return f"{allocation.ip}\n".encode(), TEXT_TYPE
        case Format.ENV:
            return _env(allocation).encode(), TEXT_TYPE
        case Format.PROXMOX:
            return f"{_proxmox(allocation)}\n".encode(), TEXT_TYPE
        case Format.TERRAFORM:
            return json_bytes(state(members(allocation))), STATE_TYPE


def _env(allocation: Allocation) -> str:
    values: dict[str, str | int | None] = {
        "KEY": allocation.key,
        "STATE": allocation.state,
        "IP": allocation.ip,
        "ADDRESS": _with_mask(allocation),
        "PREFIX_LENGTH": allocation.prefix_length,
        "NETMASK": allocation.netmask,
        "FAMILY": allocation.family,
        "GATEWAY": allocation.gateway,
        "DNS_NAME": allocation.dns_name,
        "DNS_SERVERS": " ".join(allocation.dns_servers),
        "MAC_ADDRESS": allocation.mac_address,
        "NETBOX_ID": allocation.netbox_id,
    }
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _with_mask(allocation: Allocation) -> str:
    """`address` is shown as it was sent, which may be without."""
    return f"{allocation.ip}/{allocation.prefix_length}"


def _quoted(value: str | int | None) -> str:
    return "" if value is None or value == "" else shlex.quote(str(value))


def _proxmox(allocation: Allocation) -> str:
    suffix = "6" if allocation.family == 6 else ""  # noqa: PLR2004 - IPv6
    parts = [f"ip{suffix}={_with_mask(allocation)}"]
    if allocation.gateway:
        parts.append(f"gw{suffix}={allocation.gateway}")
    return ",".join(parts)


def choose(wanted: Format | None, accept: str) -> Format:
    """The format that is asked for: by `?format=`, else by `Accept` where text/plain is preferred to JSON."""
    if wanted is not None:
        return wanted
    text, data = _quality(accept, "text/plain"), _quality(accept, JSON_TYPE)
    return Format.TEXT if text > data else Format.JSON


def _quality(accept: str, media_type: str) -> float:
    """The q-value that an Accept header gives a media type: its own range counts before wider ones."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    found: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found[name] = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
    return next((found[name] for name in ranges if name in found), 0.0)


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
