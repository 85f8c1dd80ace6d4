"""The two shapes that everything here passes around, and how addresses are kept in order."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Whatever a JSON document can hold."""

Row: TypeAlias = dict[str, Any]
"""One object: its columns by name, its tags as a list of ids, its custom fields as a dict."""

Clause: TypeAlias = tuple[str, list[Any]]
"""A piece of SQL and the values of its placeholders."""

Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def now() -> str:
    """Return the time as NetBox writes it: UTC, microseconds, ``Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def host_bytes(number: int) -> bytes:
    """Return an address of either family as 16 bytes, which SQLite compares in numerical order."""
    return number.to_bytes(16, "big")


def host_text(number: int, family: int) -> str:
    """Return an address the way people write it."""
    return str(ipaddress.IPv4Address(number) if family == 4 else ipaddress.IPv6Address(number))  # noqa: PLR2004
