"""The fields that hold addresses, networks and MAC addresses."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.emulator.errors import ApiError, FieldError
from app.emulator.fields import BLANK, Field
from app.emulator.values import Interface, Json, Network, Row, host_bytes

if TYPE_CHECKING:
    from app.emulator.session import Session


@dataclass(frozen=True, eq=False)
class Address(Field):
    """An address with its mask; a missing mask means the whole length."""

    required: bool = True

    def columns(self) -> dict[str, str]:
        """Keep the text, and what it is compared by."""
        name = self.name
        return {
            name: "TEXT",
            f"{name}_family": "INTEGER",
            f"{name}_host": "BLOB",
            f"{name}_mask": "INTEGER",
        }

    def parse(self, value: Json, session: Session) -> Interface:
        """Take IPv4 and IPv6; 4.3 answers garbage with a 500."""
        if value == "":
            raise FieldError(BLANK)
        if not isinstance(value, str):
            raise FieldError(f"unexpected type {type(value)} for addr arg")
        try:
            interface = ipaddress.ip_interface(value)
        except ValueError:
            if session.release.modern:
                raise FieldError(f"Invalid IP address format: {value}") from None
            raise ApiError(500, session.crash("KeyError", "'data'")) from None
        if not interface.network.prefixlen:
            raise FieldError("Cannot create IP address with /0 mask.")
        return interface

    def store(self, value: Interface | None, values: Row) -> None:
        """Fill all four columns."""
        name = self.name
        values[name] = value.with_prefixlen if value else None
        values[f"{name}_family"] = value.version if value else None
        values[f"{name}_host"] = host_bytes(int(value)) if value else None
        values[f"{name}_mask"] = value.network.prefixlen if value else None


@dataclass(frozen=True, eq=False)
class Prefix(Field):
    """A network without host bits."""

    required: bool = True

    def columns(self) -> dict[str, str]:
        """Keep the text, and its bounds."""
        name = self.name
        return {
            name: "TEXT",
            f"{name}_family": "INTEGER",
            f"{name}_first": "BLOB",
            f"{name}_last": "BLOB",
            f"{name}_mask": "INTEGER",
        }

    def parse(self, value: Json, session: Session) -> Network:
        """Take networks; suggest the right one for an address with host bits."""
        del session
        try:
            interface = ipaddress.ip_interface(value if isinstance(value, str) else "")
        except ValueError:
            raise FieldError(f"Invalid IP prefix format: {value}") from None
        if not interface.network.prefixlen:
            raise FieldError("Cannot create prefix with /0 mask.")
        if interface.ip != interface.network.network_address:
            raise FieldError(f"{value} is not a valid prefix. Did you mean {interface.network}?")
        return interface.network

    def store(self, value: Network | None, values: Row) -> None:
        """Fill all five columns."""
        name = self.name
        values[name] = str(value) if value else None
        values[f"{name}_family"] = value.version if value else None
        values[f"{name}_first"] = host_bytes(int(value.network_address)) if value else None
        values[f"{name}_last"] = host_bytes(int(value.broadcast_address)) if value else None
        values[f"{name}_mask"] = value.prefixlen if value else None


@dataclass(frozen=True, eq=False)
class Mac(Field):
    """A MAC address, stored in capitals with colons."""

    required: bool = True

    def parse(self, value: Json, session: Session) -> Json:
        """Take 12 hexadecimal digits with any separators."""
        del session
        digits = re.sub(r"[-:.]", "", str(value)).upper()
        if not re.fullmatch(r"[0-9A-F]{12}", digits):
            raise FieldError(f"Invalid MAC address format: {value}")
        return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
