"""NetBox's JSON into `app.domain.inventory`, and back: the one file that knows NetBox's field names.

Reading is strict: a field that is missing or of another type than NetBox 4.3.7 and 4.7.3 send makes the
whole answer worthless (`NetBoxNonsense`), because a wrong guess here would hand out a wrong address.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import (
    CLAIM_FIELD,
    INTERFACE_TYPES,
    OWNER_FIELD,
    Address,
    Assignment,
    Changes,
    Draft,
    Interface,
    Json,
    Network,
    Parent,
    ParentKind,
    Pool,
    PoolKind,
    Reference,
    Vrf,
)

T = TypeVar("T")
_CLAIM_FIELDS: Final = (CLAIM_FIELD, OWNER_FIELD)


class Row:
    """An object of NetBox's JSON, whose fields are read by type."""

    def __init__(self, data: Json, where: str = "an object") -> None:
        if not isinstance(data, dict):
            raise NetBoxNonsense(f"NetBox sent {type(data).__name__} instead of {where}")
        self._data = data
        self._where = where

    def _get(self, name: str) -> Json:
        if name not in self._data:
            raise self._wrong(name, "is missing")
        return self._data[name]

    def _wrong(self, name: str, what: str) -> NetBoxNonsense:
        return NetBoxNonsense(f"NetBox sent {self._where} whose field {name!r} {what}")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data.get(name) is not None

    def text(self, name: str) -> str:
        """A string."""
        value = self._get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "is no text")
        return value

    def number(self, name: str) -> int:
        """A whole number."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "is no whole number")
        return value

    def decimal(self, name: str) -> float:
        """A number, whole or not."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "is no number")
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "is neither true nor false")
        return value

    def choice(self, name: str) -> str | None:
        """The value of one of NetBox's choices, which come as `{"value", "label"}` or null."""
        return None if self._get(name) is None else self.row(name).text("value")

    def row(self, name: str) -> "Row":
        """A nested object."""
        return Row(self._get(name), f"{self._where}'s {name}")

    def maybe(self, name: str, read: "Callable[[Row], T]") -> T | None:
        """A nested object, read by the function given, or None for null."""
        return None if self._get(name) is None else read(self.row(name))

    def list(self, name: str) -> Sequence[Json]:
        """A list."""
        value = self._get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "is no list")
        return value

    def object(self, name: str) -> Mapping[str, Json]:
        """A nested object, as it is."""
        return self.row(name)._data  # noqa: SLF001 - another row

    def parsed(self, name: str, parse: Callable[[str], T]) -> T:
        """A string that the function given makes something of; ValueError means it is none."""
        try:
            return parse(self.text(name))
        except ValueError:
            raise self._wrong(name, "cannot be read") from None


def reference(row: Row) -> Reference:
    """A nested object with id and name; the slug where its kind has one."""
    return Reference(row.number("id"), row.text("name"), row.text("slug") if row.has("slug") else "")


def vrf(data: Json) -> Vrf:
    """A VRF in full."""
    row = Row(data, "a VRF")
    return Vrf(
        id=row.number("id"),
        name=row.text("name"),
        rd=row.text("rd") if row.has("rd") else None,
        enforce_unique=row.flag("enforce_unique"),
    )


def named(data: Json) -> Reference:
    """Any object with a name."""
    return reference(Row(data))


def tags_of(row: Row) -> tuple[Reference, ...]:
    """The tags of an object."""
    return tuple(named(tag) for tag in row.list("tags"))


def address(data: Json, links: str, etag: str | None = None) -> Address:
    """An IP address. `custom_fields` leaves out Berth's own two, which are `key` and `owner`."""
    row = Row(data, "an IP address")
    custom = row.row("custom_fields")
    number = row.number("id")
    return Address(
        id=number,
        address=row.parsed("address", interface),
        vrf=row.maybe("vrf", reference),
        dns_name=row.text("dns_name"),
        description=row.text("description"),
        status=row.row("status").text("value"),
        role=row.choice("role"),
        tenant=row.maybe("tenant", reference),
        tags=tags_of(row),
        custom_fields=other_fields(row.object("custom_fields")),
        key=claim_of(custom, CLAIM_FIELD),
        owner=claim_of(custom, OWNER_FIELD),
        assigned=_assignment(row),
        url=f"{links}/ipam/ip-addresses/{number}/",
        etag=etag,
        created=row.parsed("created", datetime.fromisoformat) if row.has("created") else None,
    )


def interface(text: str) -> Interface:
    """An address with its mask: NetBox always sends one."""
    if "/" not in text:
        raise ValueError("no mask")
    return ipaddress.ip_interface(text)


def claim_of(custom: Row, name: str) -> str | None:
    """One of Berth's own two fields among an object's custom fields; None where it is empty or undefined."""
    return (custom.text(name) or None) if custom.has(name) else None


def other_fields(custom: Mapping[str, Json]) -> dict[str, Json]:
    """Custom fields without Berth's own two."""
    return {name: value for name, value in custom.items() if name not in _CLAIM_FIELDS}


def _assignment(row: Row) -> Assignment | None:
    """The interface, and the device or VM above it; an FHRP group has neither name nor parent."""
    if not row.has("assigned_object_type"):
        return None
    kind, number = row.text("assigned_object_type"), row.number("assigned_object_id")
    if not row.has("assigned_object"):  # of a kind that NetBox cannot show any more
        return Assignment(kind, number)
    inner = row.row("assigned_object")
    name = inner.text("name") if inner.has("name") else ""
    for above in ("virtual_machine", "device"):
        if inner.has(above):
            parent = inner.row(above)
            title = parent.text("name") if parent.has("name") else ""
            return Assignment(kind, number, name, title, parent.number("id"))
    return Assignment(kind, number, name)


def parent(data: Json) -> Parent:
    """A device or a virtual machine; either may lack a cluster, and a device a name."""
    row = Row(data, "a device or virtual machine")
    places = [f"{name} {row.row(name).text('name')}" for name in ("cluster", "site") if row.has(name)]
    return Parent(row.number("id"), row.text("name") if row.has("name") else "", ", ".join(places))


def assignment(data: Json, kind: ParentKind) -> Assignment:
    """An interface, as an address is assigned to it."""
    row = Row(data, "an interface")
    above = row.row(kind)
    title = above.text("name") if above.has("name") else ""
    return Assignment(INTERFACE_TYPES[kind], row.number("id"), row.text("name"), title, above.number("id"))


def prefix(data: Json, links: str) -> Pool:
    """A prefix with the number of its children, which every full answer carries."""
    row = Row(data, "a prefix")
    number = row.number("id")
    site = row.row("scope") if row.has("scope_type") and row.text("scope_type") == "dcim.site" else None
    return Pool(
        kind=PoolKind.PREFIX,
        id=number,
        network=row.parsed("prefix", ipaddress.ip_network),
        vrf=row.maybe("vrf", reference),
        status=row.row("status").text("value"),
        children=row.number("children"),
        mark_utilized=row.flag("mark_utilized"),
        is_pool=row.flag("is_pool"),
        site=reference(site) if site else None,
        role=row.maybe("role", reference),
        tenant=row.maybe("tenant", reference),
        tags=tags_of(row),
        description=row.text("description"),
        custom_fields=dict(row.object("custom_fields")),
        url=f"{links}/ipam/prefixes/{number}/",
    )


def ip_range(data: Json, links: str) -> Pool:
    """An IP range: the network is that of its start address."""
    row = Row(data, "an IP range")
    number = row.number("id")
    start = row.parsed("start_address", interface)
    return Pool(
        kind=PoolKind.RANGE,
        id=number,
        network=start.network,
        first=start.ip,
        last=row.parsed("end_address", interface).ip,
        vrf=row.maybe("vrf", reference),
        status=row.row("status").text("value"),
        mark_utilized=row.flag("mark_utilized"),
        role=row.maybe("role", reference),
        tenant=row.maybe("tenant", reference),
        tags=tags_of(row),
        description=row.text("description"),
        custom_fields=dict(row.object("custom_fields")),
        url=f"{links}/ipam/ip-ranges/{number}/",
    )


def available(data: Json, network: Network) -> Interface:
    """One entry of the list of free addresses."""
    free = Row(data, "a free address").parsed("address", interface)
    if free.version != network.version or free.ip not in network:
        raise NetBoxNonsense(f"NetBox calls {free} a free address of {network}")
    return free


def payload(draft: Draft, *, message: bool) -> dict[str, Json]:
    """A draft as NetBox takes it. `message`: whether there is a change log message (since 4.4.0)."""
    custom = other_fields(draft.custom_fields)  # a claim is never made by the way
    if draft.key:
        custom |= {CLAIM_FIELD: draft.key, OWNER_FIELD: draft.owner}
    optional: dict[str, Json] = {
        "address": str(draft.address) if draft.address else None,
        "role": draft.role,
        "tenant": draft.tenant_id,
        "assigned_object_type": draft.assigned_type,
        "assigned_object_id": draft.assigned_id,
        "changelog_message": (draft.message or None) if message else None,
    }
    return {
        "dns_name": draft.dns_name,
        "description": draft.description,
        "status": draft.status,
        "tags": list(draft.tag_ids),
        "custom_fields": custom,
        **{name: value for name, value in optional.items() if value is not None},
    }


def patch(changes: Changes, *, message: bool) -> dict[str, Json]:
    """What to change as NetBox takes it: custom fields are merged there, tags replaced."""
    sent: dict[str, Json] = {
        name: value
        for name in ("dns_name", "description", "status")
        if (value := getattr(changes, name)) is not None
    }
    if changes.role is not None:
        sent["role"] = changes.role or None
    if changes.tenant_id is not None:
        sent["tenant"] = changes.tenant_id or None
    if changes.tag_ids is not None:
        sent["tags"] = list(changes.tag_ids)
    if changes.assigned is not None:
        kind, number = changes.assigned
        sent |= {"assigned_object_type": kind or None, "assigned_object_id": number or None}
    custom = other_fields(changes.custom_fields or {})
    if changes.claim is not None:
        key, owner = changes.claim
        custom |= {CLAIM_FIELD: key or None, OWNER_FIELD: owner or None}
    if custom:
        sent["custom_fields"] = custom
    if message and changes.message:
        sent["changelog_message"] = changes.message
    return sent
