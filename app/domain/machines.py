"""Virtual machines and their interfaces, by NetBox's names, as far as Berth looks at them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.commands import UNSET, Maybe
from app.domain.inventory import Json, Reference

STAGED = "staged"
"""The status of a machine until all its parts are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A virtual machine as NetBox holds it now. `key` and `owner` are Berth's claim, if it carries one.

    `memory_mb` and `disk_mb` are in MB, as NetBox counts. Primary addresses are ids of addresses. `etag` is
    set where it was read alone (NetBox >= 4.6); `request_id` is NetBox's id of the request that wrote it.
    """

    id: int
    name: str
    status: str
    cluster: Reference | None = None
    site: Reference | None = None
    device: Reference | None = None
    tenant: Reference | None = None
    role: Reference | None = None
    platform: Reference | None = None
    vcpus: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    description: str = ""
    comments: str = ""
    tags: tuple[Reference, ...] = ()
    custom_fields: Mapping[str, Json] = field(default_factory=dict)
    key: str | None = None
    owner: str | None = None
    primary_ip4: int | None = None
    primary_ip6: int | None = None
    url: str = ""
    etag: str | None = field(default=None, compare=False)
    created: datetime | None = None
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VmInterface:
    """An interface of a virtual machine. `mac_address` is its primary one, as NetBox writes it (capitals)."""

    id: int
    machine_id: int
    name: str
    enabled: bool = True
    mtu: int | None = None
    description: str = ""
    tags: tuple[Reference, ...] = ()
    mac_address: str | None = None
    key: str | None = None
    owner: str | None = None
    url: str = ""
    etag: str | None = field(default=None, compare=False)
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineDraft:
    """A virtual machine to be created in a cluster, with its claim. `message` as in `Draft`."""

    key: str
    owner: str
    name: str
    cluster_id: int
    device_id: int | None = None
    tenant_id: int | None = None
    role_id: int | None = None
    platform_id: int | None = None
    status: str = STAGED
    vcpus: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    description: str = ""
    comments: str = ""
    tag_ids: tuple[int, ...] = ()
    custom_fields: Mapping[str, Json] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineChanges:
    """What to change on a machine that exists: unset is left alone, None clears.

    `claim` is (key, owner). Primary addresses are ids of addresses that are assigned to the machine.
    """

    name: Maybe[str] = UNSET
    status: Maybe[str] = UNSET
    device_id: Maybe[int] = UNSET
    tenant_id: Maybe[int] = UNSET
    role_id: Maybe[int] = UNSET
    platform_id: Maybe[int] = UNSET
    vcpus: Maybe[float] = UNSET
    memory_mb: Maybe[int] = UNSET
    disk_mb: Maybe[int] = UNSET
    description: Maybe[str] = UNSET
    comments: Maybe[str] = UNSET
    tag_ids: Maybe[tuple[int, ...]] = UNSET
    custom_fields: Maybe[Mapping[str, Json]] = UNSET
    primary_ip4: Maybe[int] = UNSET
    primary_ip6: Maybe[int] = UNSET
    claim: Maybe[tuple[str, str]] = UNSET
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceDraft:
    """An interface to be created, with its claim, its machine's key and a number (see `part_key`)."""

    key: str
    owner: str
    machine_id: int
    name: str
    enabled: bool = True
    mtu: int | None = None
    description: str = ""
    tag_ids: tuple[int, ...] = ()
    mac_address: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceChanges:
    """What to change on an interface that exists: unset is left alone, None clears."""

    enabled: Maybe[bool] = UNSET
    mtu: Maybe[int] = UNSET
    description: Maybe[str] = UNSET
    tag_ids: Maybe[tuple[int, ...]] = UNSET
    mac_address: Maybe[str] = UNSET
    claim: Maybe[tuple[str, str]] = UNSET
    message: str = ""


def interface_key(machine_key: str, number: int) -> str:
    """The claim of a machine's `number`th interface, counted from 1."""
    return f"{machine_key}~{number}"


def address_key(machine_key: str, interface: int, family: int, number: int) -> str:
    """The claim of the `number`th address of a family (4 or 6) on a machine's interface."""
    return f"{machine_key}~{interface}~v{family}~{number}"


def is_address(part_key: str) -> bool:
    """Whether a part's claim is an address's, rather than an interface's."""
    return "~v" in part_key


def interface_numbers(machine_key: str, claims: Iterable[str]) -> list[int]:
    """The numbers of the interfaces among the claims of a machine and its parts, the highest first."""
    found = [claim for claim in claims if claim != machine_key and not is_address(claim)]
    return sorted((int(claim.rpartition("~")[2]) for claim in found), reverse=True)


def machine_of(part_key: str) -> str:
    """The machine's key in a part's; any other key is its own."""
    return part_key.partition("~")[0]
