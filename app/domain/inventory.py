"""NetBox's objects, by NetBox's names, as far as Berth looks at them."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Host: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

CLAIM_FIELD = "berth_key"
OWNER_FIELD = "berth_owner"

SHARED_ROLES = frozenset({"vip", "anycast", "vrrp", "hsrp", "glbp", "carp"})
"""Roles whose addresses NetBox lets coexist (ipam.IPAddressRoleChoices; measured on 4.3.7 and 4.7.3)."""


def coexist(one: str | None, other: str | None) -> bool:
    """Whether NetBox lets two addresses with these roles have the same host: both must be shared ones."""
    return one in SHARED_ROLES and other in SHARED_ROLES


@dataclass(frozen=True, slots=True)
class Reference:
    """Another object of NetBox: its id, its name, and its slug where it has one."""

    id: int
    name: str
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Vrf(Reference):
    """A routing table; `rd` is its route distinguisher."""

    rd: str | None = None
    enforce_unique: bool = True


class Kind(Enum):
    """What requests name by name, slug or id, and forms offer; the value is the word in Berth's routes."""

    VRF = "vrfs"
    SITE = "sites"
    TENANT = "tenants"
    CLUSTER = "clusters"
    PLATFORM = "platforms"
    TAG = "tags"
    ROLE = "roles"
    DEVICE = "devices"
    DEVICE_ROLE = "device-roles"


class PoolKind(Enum):
    """What hands out the next address."""

    PREFIX = "prefix"
    RANGE = "range"


def space_of(network: Network, vrf: "Vrf | Reference | None") -> str:
    """What a network in a VRF is called where people and dashboards compare: one name for one space."""
    return f"{network} in VRF {vrf.name}" if vrf else str(network)


@dataclass(frozen=True, slots=True)
class Pool:
    """A prefix or an IP range that addresses are taken from.

    For a range, `network` is the network of its start address and `first`/`last` are its bounds.
    `children` counts the child prefixes NetBox would hand out addresses of.
    """

    kind: PoolKind
    id: int
    network: Network
    vrf: Vrf | Reference | None = None
    status: str = "active"
    children: int = 0
    mark_utilized: bool = False
    is_pool: bool = False
    first: Host | None = None
    last: Host | None = None
    site: Reference | None = None
    role: Reference | None = None
    tenant: Reference | None = None
    tags: tuple[Reference, ...] = ()
    description: str = ""
    custom_fields: Mapping[str, Json] = field(default_factory=dict)
    url: str = ""

    @property
    def vrf_id(self) -> int | None:
        """The VRF's id, or None for the global table."""
        return self.vrf.id if self.vrf else None

    def holds(self, host: Host) -> bool:
        """Whether an address lies in this prefix, or between the bounds of this range."""
        if host.version != self.network.version:
            return False
        if self.first is not None and self.last is not None:
            return int(self.first) <= int(host) <= int(self.last)
        return host in self.network

    def __str__(self) -> str:
        place = f" in VRF {self.vrf.name}" if self.vrf else ""
        if self.first is not None:
            return f"IP range {self.first} to {self.last}{place}"
        return f"prefix {self.network}{place}"


ParentKind: TypeAlias = Literal["device", "virtual_machine"]
"""What has interfaces, by the names of NetBox's fields."""

INTERFACE_TYPES: Mapping[ParentKind, str] = {
    "device": "dcim.interface",
    "virtual_machine": "virtualization.vminterface",
}


@dataclass(frozen=True, slots=True)
class Parent:
    """A device or a virtual machine. `place` tells those of one name apart, in words."""

    id: int
    name: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The interface an address is assigned to. `parent` is the device or the virtual machine."""

    object_type: str
    object_id: int
    interface: str = ""
    parent: str = ""
    parent_id: int | None = None

    def __str__(self) -> str:
        """The interface as the ledger writes it down: `dcim.interface:12`."""
        return f"{self.object_type}:{self.object_id}"


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address as NetBox holds it now. `key` and `owner` are Berth's claim, if it carries one.

    `request_id` is NetBox's id of the request that changed it, in what a change returns.
    """

    id: int
    address: Interface
    vrf: Reference | None
    dns_name: str
    description: str
    status: str
    role: str | None
    tenant: Reference | None
    tags: tuple[Reference, ...]
    custom_fields: Mapping[str, Json]
    key: str | None
    owner: str | None
    assigned: Assignment | None
    url: str
    etag: str | None = None
    created: datetime | None = None
    request_id: str = field(default="", compare=False)

    @property
    def vrf_id(self) -> int | None:
        """The VRF's id, or None for the global table."""
        return self.vrf.id if self.vrf else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An address to be created, with its claim. `address` is None for "the next free one".

    `message` goes into NetBox's change log (>= 4.4; older ones ignore it). Lists of ids are NetBox's.
    """

    key: str
    owner: str
    address: Interface | None = None
    dns_name: str = ""
    description: str = ""
    status: str = "active"
    role: str | None = None
    tenant_id: int | None = None
    tag_ids: tuple[int, ...] = ()
    custom_fields: Mapping[str, Json] = field(default_factory=dict)
    assigned_type: str | None = None
    assigned_id: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change on an address that exists; None is left alone, an empty value clears.

    `tenant_id` 0 clears the tenant and `role` "" the role. `claim` is (key, owner), ("", "") to clear it;
    `assigned` is the type and the id of an interface, ("", 0) for none.
    """

    dns_name: str | None = None
    description: str | None = None
    status: str | None = None
    role: str | None = None
    tenant_id: int | None = None
    tag_ids: tuple[int, ...] | None = None
    custom_fields: Mapping[str, Json] | None = None
    claim: tuple[str, str] | None = None
    assigned: tuple[str, int] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What NetBox made, in the order it was asked, and the `X-Request-ID` of NetBox's change log."""

    addresses: tuple[Address, ...]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What `GET /api/status/` tells: the version as (major, minor, patch), and whether it is the emulator."""

    version: tuple[int, int, int]
    emulator: bool = False

    @property
    def has_etags(self) -> bool:
        """Whether If-Match is honoured (since NetBox 4.6.0)."""
        return self.version >= (4, 6, 0)


@dataclass(frozen=True, slots=True)
class ClaimFields:
    """The state of the custom fields `berth_key` and `berth_owner` in NetBox.

    `problems` says in plain words what is wrong with them, one sentence each; empty when they are as they
    must be on IP addresses (exists, text, unique, filter logic exact). `on_machines` tells that they are
    defined for virtual machines and their interfaces, too.
    """

    problems: tuple[str, ...]
    on_machines: bool = True


def inside(network: Network, around: Network) -> bool:
    """Whether a network lies in another one, or is the same."""
    return (
        network.version == around.version
        and network.prefixlen >= around.prefixlen
        and network.network_address in around
    )
