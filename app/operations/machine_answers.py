"""The answer to the registration of a virtual machine: the same from byte to byte on a repeat."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.inventory import Json
from app.operations.answers import Allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressShown:
    """An address on an interface: what its own allocation shows, and whether it is a primary one."""

    allocation: Allocation
    primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceShown:
    """An interface that the registration made, with its addresses, in the order of the last write."""

    name: str
    mac_address: str | None
    mtu: int | None
    enabled: bool | None
    description: str | None
    tags: tuple[str, ...] | None
    addresses: tuple[AddressShown, ...]
    netbox_id: str | None
    netbox_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A virtual machine held under a key: what was sent comes back as sent where it still holds.

    `primary_ip4`, `primary_ip6`, `gateway4` and `gateway6` are bare addresses, `dns_name` is that of the
    primary address (IPv4's before IPv6's). `disk_gb` is shown where it was sent, `disk_mb` always. Ids and
    URLs are None in a dry run.
    """

    key: str
    name: str
    cluster: str | int | None
    site: str | None
    device: str | int | None
    tenant: str | int | None
    role: str | int | None
    platform: str | int | None
    status: str | None
    vcpus: float | int | None
    memory_mb: int | None
    disk_gb: float | int | None
    disk_mb: int | None
    description: str | None
    comments: str | None
    tags: tuple[str, ...] | None
    custom_fields: Mapping[str, Json] | None
    interfaces: tuple[InterfaceShown, ...]
    primary_ip4: str | None
    primary_ip6: str | None
    gateway4: str | None
    gateway6: str | None
    dns_name: str | None
    owner: str
    requested_by: str | None
    reference: str | None
    netbox_id: str | None
    netbox_url: str | None


@dataclass(frozen=True, slots=True)
class MachineResult:
    """A registration, and how this request came by it; as `app.operations.answers.Result`."""

    machine: Registration
    created: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFilters:
    """Which machines a list shows. `name` is compared in lower case."""

    owner: str | None = None
    name: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOperation:
    """An operation on a machine that is not over, for people: what it is at, and why it stands still.

    `state` is `working`, `undoing`, `retiring` or `stuck`; `step` the last thing that it did. Times are UTC,
    RFC 3339.
    """

    id: str
    key: str
    owner: str
    action: str
    state: str
    step: str
    reason: str
    netbox_id: str | None
    since: str


@dataclass(frozen=True, slots=True)
class OperationOutcome:
    """What an operator's retry or abandonment of an operation on the machine `key` came to.

    `result` is `finished`, `undone`, `still stuck` or `abandoned`; `detail` says what that means for people.
    """

    id: str
    key: str
    result: str
    detail: str
