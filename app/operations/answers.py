"""The answer to an allocation: flat, and the same from byte to byte on a repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.domain.errors import Violation
from app.domain.inventory import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """An address held under a key, as it is shown: what was sent comes back as sent where it still holds.

    `state` is `held` or `active`; `address` carries its mask, `ip` does not. `netbox_id` and `netbox_url`
    are None in a dry run. `hold_until` is UTC, RFC 3339.
    """

    key: str
    state: str
    address: str
    ip: str
    prefix_length: int
    family: int
    prefix: str | int | None
    ip_range: str | int | None
    vrf: str | int | None
    gateway: str | None
    netmask: str
    dns_name: str | None
    name_pattern: str | None
    dns_servers: tuple[str, ...]
    description: str | None
    status: str | None
    role: str | None
    tenant: str | int | None
    tags: tuple[str, ...] | None
    custom_fields: Mapping[str, Json] | None
    mac_address: str | None
    assigned_to: Mapping[str, Json] | None
    assign_to: Mapping[str, Json] | None
    part_of: str | None
    hold_seconds: int | None
    hold_until: str | None
    owner: str
    requested_by: str | None
    reference: str | None
    netbox_id: str | None
    netbox_url: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """An allocation, and how this request came by it.

    `created` says that this request made it (or, in a dry run, would have); `replayed` that it was there.
    """

    allocation: Allocation
    created: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NameReport:
    """What is to be said of a name. `suggestion` is its like with the next free number, if one was asked for.

    It is None where the name has no number, and where no number is free.
    """

    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `next` is the cursor for the part after it, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which allocations a list shows: compared exactly, but for the case of names and MAC addresses."""

    owner: str | None = None
    prefix: str | None = None
    dns_name: str | None = None
    address: str | None = None
    state: str | None = None
    mac_address: str | None = None
