"""The demonstration inventory: a small Proxmox cluster called Matrix, as data.

Each entry is a path of the API and what would be posted there, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.planting import Ref

if TYPE_CHECKING:
    from app.emulator.values import Row

_SITE = {"scope_type": "dcim.site", "scope_id": Ref.to("dcim/sites", slug="matrix")}
_CLAIMED = ["ipam.ipaddress", "virtualization.virtualmachine", "virtualization.vminterface"]
_DOMAIN = "spaceships.work"
_TAGS = ("production-dns", "terraform", "docker", "proxmox", "production")
_NODES = {"foxtrot": 5, "golf": 6, "hotel": 7}
_TAKEN = {
    10: "docker-01-nexus",
    11: "docker-02-nexus",
    12: "k8s-01-master",
    20: "netbox",
    21: "dns-01-resolver",
}


def _node(name: str, last: int) -> list[tuple[str, Row]]:
    """Return a Proxmox node: device, interface, address."""
    device = Ref.to("dcim/devices", name=name)
    return [
        (
            "dcim/devices",
            {
                "name": name,
                "device_type": {"slug": "proxmox-node"},
                "role": {"slug": "proxmox-node"},
                "site": {"slug": "matrix"},
                "cluster": {"name": "matrix"},
                "tags": [{"slug": "proxmox"}],
            },
        ),
        ("dcim/interfaces", {"device": device, "name": "eth0", "type": "10gbase-x-sfpp"}),
        (
            "ipam/ip-addresses",
            {
                "address": f"192.168.3.{last}/24",
                "dns_name": f"{name}.{_DOMAIN}",
                "assigned_object_type": "dcim.interface",
                "assigned_object_id": Ref.to("dcim/interfaces", device=device, name="eth0"),
                "tags": [{"slug": "proxmox"}],
            },
        ),
    ]


def _custom_field(name: str, label: str, description: str, *, unique: bool) -> tuple[str, Row]:
    return (
        "extras/custom-fields",
        {
            "object_types": _CLAIMED,
            "name": name,
            "label": label,
            "description": description,
            "type": "text",
            "unique": unique,
            "filter_logic": "exact",
            "ui_editable": "no",
        },
    )


_ORGANISATION: list[tuple[str, Row]] = [
    *[("extras/tags", {"name": tag, "slug": tag}) for tag in _TAGS],
    _custom_field("berth_key", "Berth key", "Berth's claim on this object", unique=True),
    _custom_field("berth_owner", "Berth owner", "The client of Berth that owns this object", unique=False),
    ("tenancy/tenants", {"name": "Platform", "slug": "platform"}),
    ("tenancy/tenants", {"name": "Research", "slug": "research"}),
    ("dcim/sites", {"name": "Matrix Cluster", "slug": "matrix", "tenant": {"slug": "platform"}}),
    ("dcim/manufacturers", {"name": "Minisforum", "slug": "minisforum"}),
    ("dcim/device-types", {"manufacturer": {"slug": "minisforum"}, "model": "MS-A2", "slug": "proxmox-node"}),
    ("dcim/device-roles", {"name": "Proxmox node", "slug": "proxmox-node", "vm_role": False}),
    ("dcim/device-roles", {"name": "Docker host", "slug": "docker-host"}),
    ("dcim/device-roles", {"name": "Server", "slug": "server"}),
    ("dcim/platforms", {"name": "Debian 12", "slug": "debian-12"}),
    ("dcim/platforms", {"name": "Ubuntu 24.04", "slug": "ubuntu-2404"}),
    ("virtualization/cluster-types", {"name": "Proxmox VE", "slug": "proxmox"}),
    ("virtualization/clusters", {"name": "matrix", "type": {"slug": "proxmox"}, **_SITE}),
]

_SPACE: list[tuple[str, Row]] = [
    ("ipam/roles", {"name": "Management", "slug": "management"}),
    ("ipam/roles", {"name": "Servers", "slug": "servers"}),
    ("ipam/vrfs", {"name": "management", "rd": "65000:99", "enforce_unique": True}),
    (
        "ipam/prefixes",
        {"prefix": "192.168.0.0/16", "status": "container", "description": "Everything at home"},
    ),
    (
        "ipam/prefixes",
        {
            "prefix": "192.168.3.0/24",
            "description": "Matrix servers",
            "role": {"slug": "servers"},
            "tags": [{"slug": "production"}],
            **_SITE,
        },
    ),
    ("ipam/prefixes", {"prefix": "192.168.4.0/24", "description": "Laboratory", **_SITE}),
    ("ipam/prefixes", {"prefix": "192.168.5.0/29", "description": "Small enough to fill", **_SITE}),
    ("ipam/prefixes", {"prefix": "fd00:3::/64", "description": "Matrix servers, IPv6", **_SITE}),
    (
        "ipam/prefixes",
        {
            "prefix": "10.99.0.0/24",
            "vrf": {"rd": "65000:99"},
            "role": {"slug": "management"},
            "description": "Management",
        },
    ),
]

_GATEWAYS: list[tuple[str, Row]] = [
    ("ipam/ip-addresses", {"address": "192.168.3.1/24", "status": "reserved", "description": "Gateway"}),
    ("ipam/ip-addresses", {"address": "192.168.4.1/24", "status": "reserved", "description": "Gateway"}),
    ("ipam/ip-addresses", {"address": "192.168.5.1/29", "status": "reserved", "description": "Gateway"}),
    ("ipam/ip-addresses", {"address": "fd00:3::1/64", "status": "reserved", "description": "Gateway"}),
    (
        "ipam/ip-addresses",
        {
            "address": "10.99.0.1/24",
            "vrf": {"rd": "65000:99"},
            "status": "reserved",
            "description": "Gateway",
        },
    ),
]

INVENTORY: list[tuple[str, Row]] = [
    *_ORGANISATION,
    *_SPACE,
    *_GATEWAYS,
    *[entry for name, last in _NODES.items() for entry in _node(name, last)],
    *[
        (
            "ipam/ip-addresses",
            {
                "address": f"192.168.3.{last}/24",
                "dns_name": f"{name}.{_DOMAIN}",
                "tags": [{"slug": "production-dns"}],
            },
        )
        for last, name in _TAKEN.items()
    ],
]
"""What ``create_app(seed=True)`` puts into an empty database."""
