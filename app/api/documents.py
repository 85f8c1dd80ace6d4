"""The bodies of answers as the OpenAPI document describes them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

StringId = Annotated[str, Field(pattern="^[0-9]+$", examples=["42"])]


class Answer(BaseModel):
    """A body with all of its members, and no others."""

    model_config = ConfigDict(extra="forbid")


class AllocationBody(Answer):
    """An address held under a key. Equal requests get equal bytes."""

    key: str
    state: Annotated[str, Field(description="`held` until it is confirmed, else `active`.")]
    address: Annotated[str, Field(description="With its mask length.", examples=["10.20.0.5/24"])]
    ip: Annotated[str, Field(examples=["10.20.0.5"])]
    prefix_length: int
    family: Annotated[int, Field(description="4 or 6.")]
    prefix: str | int | None
    ip_range: str | int | None
    vrf: str | int | None
    gateway: str | None
    netmask: str
    dns_name: str | None
    name_pattern: Annotated[str | None, Field(description="As it was sent, while the name is one of its.")]
    dns_servers: list[str]
    description: str | None
    status: str | None
    role: str | None
    tenant: str | int | None
    tags: list[str] | None
    custom_fields: dict[str, JsonValue] | None
    mac_address: str | None
    assigned_to: Annotated[
        dict[str, JsonValue] | None, Field(description="The interface that it is on, whoever put it there.")
    ]
    assign_to: Annotated[
        dict[str, JsonValue] | None, Field(description="As it was sent, while the address is there.")
    ]
    part_of: Annotated[str | None, Field(description="The key of the virtual machine that it belongs to.")]
    hold_seconds: int | None
    hold_until: Annotated[str | None, Field(description="UTC, RFC 3339.")]
    owner: str
    requested_by: str | None
    reference: str | None
    netbox_id: Annotated[str | None, Field(description="Null in a dry run.")]
    netbox_url: str | None


class ProblemItem(Answer):
    """One thing that is wrong. `pointer` is a JSON pointer into the body, empty for the whole request."""

    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is stable; `detail` says what to do."""

    type: Annotated[str, Field(description="A relative URL of the code's section in the documentation.")]
    title: str
    status: int
    code: str
    detail: str
    errors: list[ProblemItem]


class AllocationPage(Answer):
    """A part of a list of allocations."""

    items: list[AllocationBody]
    next: str | None


class BatchItem(Answer):
    """The result of one item: an allocation where `status` is 200, else a problem.

    Pointers in the problem lead into the item.
    """

    status: int
    allocation: AllocationBody | None = None
    problem: Problem | None = None


class BatchBody(Answer):
    """The results of a batch, in the order of its items."""

    items: list[BatchItem]


class MachineAddressBody(AllocationBody):
    """An address on an interface: its own allocation, and whether it is a primary one."""

    primary: bool


class InterfaceBody(Answer):
    """An interface that Berth made, with its addresses."""

    name: str
    mac_address: str | None
    mtu: int | None
    enabled: bool | None
    description: str | None
    tags: list[str] | None
    addresses: list[MachineAddressBody]
    netbox_id: Annotated[str | None, Field(description="Null in a dry run.")]
    netbox_url: str | None


class MachineBody(Answer):
    """A virtual machine held under a key, with its interfaces. Equal requests get equal bytes."""

    key: str
    name: str
    cluster: str | int | None
    site: Annotated[str | None, Field(description="The cluster's.")]
    device: str | int | None
    tenant: str | int | None
    role: str | int | None
    platform: str | int | None
    status: str | None
    vcpus: float | int | None
    memory_mb: int | None
    disk_gb: Annotated[float | int | None, Field(description="If it was sent, and still holds.")]
    disk_mb: int | None
    description: str | None
    comments: str | None
    tags: list[str] | None
    custom_fields: dict[str, JsonValue] | None
    interfaces: list[InterfaceBody]
    primary_ip4: Annotated[str | None, Field(description="Without its mask.", examples=["10.20.0.5"])]
    primary_ip6: Annotated[str | None, Field(description="Without its mask.", examples=["2001:db8::5"])]
    gateway4: str | None
    gateway6: str | None
    dns_name: Annotated[str | None, Field(description="Of the primary address, IPv4's before IPv6's.")]
    owner: str
    requested_by: str | None
    reference: str | None
    netbox_id: Annotated[str | None, Field(description="Null in a dry run.")]
    netbox_url: str | None


class MachinePage(Answer):
    """A part of a list of virtual machines."""

    items: list[MachineBody]
    next: str | None


class MachineBatchItem(Answer):
    """The result of one item: a machine where `status` is 200, else a problem.

    Pointers in the problem lead into the item.
    """

    status: int
    virtual_machine: MachineBody | None = None
    problem: Problem | None = None


class MachineBatchBody(Answer):
    """The results of a batch, in the order of its items."""

    items: list[MachineBatchItem]


class OperationBody(Answer):
    """An operation on a virtual machine that is not over."""

    id: str
    key: Annotated[str, Field(description="The machine's.")]
    owner: str
    action: Annotated[str, Field(examples=["register"])]
    state: Annotated[str, Field(description="`working`, `undoing`, `retiring` or `stuck`.")]
    step: Annotated[str, Field(description="The last thing that it did.")]
    reason: Annotated[str, Field(description="Why it stands still; empty where it does not.")]
    netbox_id: Annotated[str | None, Field(description="The machine's in NetBox, if there is one.")]
    since: Annotated[str, Field(description="UTC, RFC 3339.")]


class OperationPage(Answer):
    """A part of the list of operations that are not over."""

    items: list[OperationBody]
    next: str | None


class OperationOutcomeBody(Answer):
    """What a retry or an abandonment came to."""

    id: str
    key: Annotated[str, Field(description="The machine's.")]
    result: Annotated[str, Field(description="`finished`, `undone`, `still stuck` or `abandoned`.")]
    detail: str


class PrefixBody(Answer):
    """A prefix, and how full it is. Counts beyond 2^53 are null: such a prefix does not run out."""

    id: StringId
    prefix: str
    family: int
    vrf: str | None
    status: str
    role: str | None
    site: str | None
    tenant: str | None
    tags: list[str]
    description: str
    children: Annotated[int, Field(description="Child prefixes, whose addresses are not handed out.")]
    open: Annotated[bool, Field(description="Whether its next free address is handed out.")]
    closed_because: Annotated[str | None, Field(description="Why it is not; null for an open prefix.")]
    size: Annotated[int | None, Field(description="Addresses that hosts can have.")]
    used: int
    free: int | None
    utilization: Annotated[float, Field(description="Percent, rounded to two digits.")]
    netbox_url: str


class PrefixPage(Answer):
    """A part of a list of prefixes."""

    items: list[PrefixBody]
    next: str | None


class PreviewBody(Answer):
    """The next free addresses, as they would be handed out now. Nothing is reserved."""

    items: list[str]
    next: Annotated[None, Field(description="There is one page.")]


class OfferBody(Answer):
    """Something that a form offers to choose from. `slug` is null where the kind has none."""

    id: StringId
    name: str
    slug: str | None


class VrfBody(OfferBody):
    """A VRF, with its route distinguisher."""

    rd: str | None


class OfferPage(Answer):
    """A part of a list."""

    items: list[OfferBody]
    next: str | None


class VrfPage(Answer):
    """A part of a list of VRFs."""

    items: list[VrfBody]
    next: str | None


class NameVerdict(Answer):
    """Whether a name keeps the convention, and every rule that it breaks.

    Rules that only warn make no name invalid.
    """

    valid: bool
    violations: list[ProblemItem]
    warnings: list[ProblemItem]
    suggestion: Annotated[
        str | None,
        Field(description="The name with the lowest free number; null if none is free, or was asked for."),
    ]


class AuditRecord(Answer):
    """A line of the audit log. What is empty is left out."""

    version: Annotated[int, Field(description="Of this form; 3.")]
    chain: Annotated[str, Field(description="Of the process that wrote it; each start begins one.")]
    sequence: Annotated[int, Field(description="Its number in the chain, from 0.")]
    after: Annotated[
        str | None,
        Field(description="Of a chain's first record: the hash of the log's last record before it."),
    ] = None
    previous: Annotated[str, Field(description="The hash of the record before it in the chain.")]
    hash: Annotated[str, Field(description="SHA-256 over `previous` and its text, in hexadecimal.")]
    event: Annotated[str, Field(description="`intent`, `outcome` or `denied`.")]
    action: str
    time: Annotated[float, Field(description="Seconds since 1970, UTC.")]
    key: str | None = None
    operation: str | None = None
    request_id: str | None = None
    owner: str | None = None
    method: str | None = None
    credential: str | None = None
    client_address: str | None = None
    prefix: str | None = None
    name: str | None = None
    fingerprint: str | None = None
    policy: str | None = None
    decision: str | None = None
    reason: str | None = None
    netbox_id: int | None = None
    address: str | None = None
    netbox_request_id: str | None = None
    requested_by: str | None = None
    reference: str | None = None
    duration: Annotated[float | None, Field(description="Seconds since the intent.")] = None


class AuditPage(Answer):
    """A part of the audit log, the oldest event first."""

    items: list[AuditRecord]
    next: str | None


class Health(Answer):
    """The process answers."""

    status: str


class Ready(Answer):
    """Whether the process takes work, and what stands in the way."""

    ready: bool
    reasons: list[str]
