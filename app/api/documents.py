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
    status: str
    role: str | None
    tenant: str | int | None
    tags: list[str]
    custom_fields: dict[str, JsonValue]
    mac_address: str | None
    assigned_to: dict[str, JsonValue] | None
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
    """The next free addresses, as NetBox would hand them out now. Nothing is reserved."""

    items: list[str]


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

    version: Annotated[int, Field(description="Of this form; 2.")]
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
