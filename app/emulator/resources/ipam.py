"""IPAM: VRFs, roles, prefixes, ranges, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.addressing import Address, Prefix
from app.emulator.fields import Boolean, Choice, Computed, Field, Integer, Text, constants
from app.emulator.references import ForeignKey, GenericKey
from app.emulator.resource import Resource, Unique
from app.emulator.resources import networks, spaces
from app.emulator.resources.common import NAMED, count, named, tail, unique_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.emulator.session import Session
    from app.emulator.values import Json, Row

PREFIX_STATUS = {
    "container": "Container",
    "active": "Active",
    "reserved": "Reserved",
    "deprecated": "Deprecated",
}
RANGE_STATUS = {"active": "Active", "reserved": "Reserved", "deprecated": "Deprecated"}
ADDRESS_STATUS = {**RANGE_STATUS, "dhcp": "DHCP", "slaac": "SLAAC"}
ADDRESS_ROLES = {
    "loopback": "Loopback",
    "secondary": "Secondary",
    "anycast": "Anycast",
    "vip": "VIP",
    "vrrp": "VRRP",
    "hsrp": "HSRP",
    "glbp": "GLBP",
    "carp": "CARP",
}
DNS_NAME = r"([0-9A-Za-z_-]+|\*)(\.[0-9A-Za-z_-]+)*\.?"
DNS_NAME_COMPLAINT = (
    "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"
)


def family(column: str) -> Computed:
    """Return the address family, with its label."""
    name = f"{column}_family"
    return Computed("family", reader=lambda row, _session: {"value": row[name], "label": f"IPv{row[name]}"})


def _hierarchy(sql: str) -> Callable[[Row, Session], Json]:
    def read(row: Row, session: Session) -> Json:
        return session.database.value(
            f"SELECT count(*) FROM ipam_prefix p, ipam_prefix o WHERE o.id = ? AND {sql} "
            "AND p.prefix_family = o.prefix_family AND p.vrf IS o.vrf AND p.id <> o.id",
            [row["id"]],
        )

    return read


_CHILDREN = "p.prefix_first >= o.prefix_first AND p.prefix_last <= o.prefix_last AND p.prefix <> o.prefix"
_PARENTS = "p.prefix_first <= o.prefix_first AND p.prefix_last >= o.prefix_last AND p.prefix <> o.prefix"


def _outside(row: Row, session: Session) -> Json:
    rows = session.database.rows("SELECT id FROM ipam_ipaddress WHERE nat_inside = ?", [row["id"]])
    shown = ("id", "url", "display", "family", "address")
    return [{name: session.brief("ipam.ipaddress", found["id"])[name] for name in shown} for found in rows]


def _nested_nat(name: str) -> ForeignKey:
    return ForeignKey(name, target="ipam.ipaddress", by="address", on_delete="set_null")


def place() -> tuple[Field, ...]:
    """Return VRF and tenant."""
    return (ForeignKey("vrf", target="ipam.vrf", by="rd"), ForeignKey("tenant", target="tenancy.tenant"))


VRF = Resource(
    path="ipam/vrfs",
    model="ipam.vrf",
    name="VRF",
    verbose="VRF",
    fields=(
        Text("name", required=True, blank=False, limit=100),
        Text("rd", null=True, default=None, limit=21),
        ForeignKey("tenant", target="tenancy.tenant"),
        Boolean("enforce_unique", default=True),
        *constants(import_targets=[], export_targets=[]),
        *tail("ipam.vrf"),
        count("ipaddress_count", "ipam_ipaddress", "vrf"),
        count("prefix_count", "ipam_prefix", "vrf"),
    ),
    brief=("id", "url", "display", "name", "rd", "description"),
    counts=("prefix_count",),
    display=lambda row: f"{row['name']} ({row['rd']})" if row["rd"] else str(row["name"]),
    search=("name", "coalesce(rd, '')", "description"),
    unique=(Unique(("rd",), "VRF with this route distinguisher already exists.", key="rd"),),
)

ROLE = Resource(
    path="ipam/roles",
    model="ipam.role",
    name="Role",
    verbose="role",
    fields=(
        *named(),
        Integer("weight", default=1000, low=0),
        *tail("ipam.role"),
        count("prefix_count", "ipam_prefix", "role"),
        *constants(vlan_count=0),
        *constants(since="4.7", asn_count=0),
    ),
    brief=NAMED,
    counts=("prefix_count", "vlan_count", "asn_count"),
    order="weight, name, id",
    unique=unique_names("role"),
)

PREFIX = Resource(
    path="ipam/prefixes",
    model="ipam.prefix",
    name="Prefix",
    verbose="prefix",
    fields=(
        family("prefix"),
        Prefix("prefix"),
        *place(),
        GenericKey("scope", models=("dcim.site",), cascade=False),
        *constants(vlan=None),
        Choice("status", default="active", choices=PREFIX_STATUS),
        ForeignKey("role", target="ipam.role", on_delete="set_null"),
        Boolean("is_pool"),
        Boolean("mark_utilized"),
        *tail("ipam.prefix"),
        Computed("children", reader=_hierarchy(_CHILDREN)),
        Computed("_depth", reader=_hierarchy(_PARENTS)),
    ),
    brief=("id", "url", "display", "family", "prefix", "description", "_depth"),
    display=lambda row: str(row["prefix"]),
    order="vrf IS NOT NULL, vrf, prefix_family, prefix_first, prefix_mask, id",
    search=("prefix", "description"),
    filters=networks.PREFIX_FILTERS,
    clean=spaces.clean_prefix,
    indexes=("prefix_family, prefix_first, prefix_last", "prefix"),
)

RANGE = Resource(
    path="ipam/ip-ranges",
    model="ipam.iprange",
    name="IPRange",
    verbose="IP range",
    fields=(
        family("start_address"),
        Address("start_address"),
        Address("end_address"),
        Computed("size", reader=lambda row, _session: spaces.range_size(row)),
        *place(),
        Choice("status", default="active", choices=RANGE_STATUS),
        ForeignKey("role", target="ipam.role", on_delete="set_null"),
        *tail("ipam.iprange"),
        Boolean("mark_populated"),
        Boolean("mark_utilized"),
    ),
    brief=("id", "url", "display", "family", "start_address", "end_address", "description"),
    display=spaces.range_text,
    order="vrf IS NOT NULL, vrf, start_address_family, start_address_host, id",
    search=("start_address", "description"),
    clean=spaces.clean_range,
)

ADDRESS = Resource(
    path="ipam/ip-addresses",
    model="ipam.ipaddress",
    name="IPAddress",
    verbose="IP address",
    fields=(
        family("address"),
        Address("address"),
        *place(),
        Choice("status", default="active", choices=ADDRESS_STATUS),
        Choice("role", null=True, choices=ADDRESS_ROLES),
        GenericKey("assigned_object", models=("dcim.interface", "virtualization.vminterface")),
        _nested_nat("nat_inside"),
        Computed("nat_outside", reader=_outside),
        Text("dns_name", limit=255, lower=True, pattern=DNS_NAME, complaint=DNS_NAME_COMPLAINT),
        *tail("ipam.ipaddress"),
    ),
    brief=("id", "url", "display", "family", "address", "description"),
    display=lambda row: str(row["address"]),
    order="address_family, address_host, id",
    search=("dns_name", "description", "^address"),
    filters=networks.ADDRESS_FILTERS,
    clean=spaces.clean_address,
    indexes=(
        "address_family, vrf, address_host",
        "address_family, address_host",
        "dns_name",
        "lower(dns_name)",
    ),
    locked=True,
)

RESOURCES = (VRF, ROLE, PREFIX, RANGE, ADDRESS)
