"""The examples of the OpenAPI document that are about virtual machines."""

from typing import Any, Final

from app.api.credential_examples import CREDENTIAL_EXAMPLES
from app.api.examples import ALLOCATION, EXAMPLES

NETBOX: Final = "https://netbox.example"
KEY: Final = "docker-04-nexus"
NAME: Final = f"{KEY}.spaceships.work"

ETH0: Final[dict[str, Any]] = {
    "name": "eth0",
    "mac_address": "52:54:00:12:34:56",
    "addresses": [
        {"prefix": "192.168.3.0/24", "dns_name": NAME},
        {"prefix": "2001:db8:3::/64", "dns_name": NAME},
    ],
}
MACHINE_REQUEST: Final[dict[str, Any]] = {
    "key": KEY,
    "name": KEY,
    "cluster": "matrix",
    "role": "server",
    "vcpus": 4,
    "memory_mb": 8192,
    "disk_gb": 60,
    "tags": ["terraform"],
    "interfaces": [ETH0],
}
MACHINE_REQUESTS: Final[dict[str, Any]] = {
    "dual_stack": {"summary": "One interface, with an IPv4 and an IPv6 address", "value": MACHINE_REQUEST},
    "two_interfaces": {
        "summary": "The second interface has the primary address",
        "value": {
            "key": "router-01",
            "name": "router-01",
            "cluster": "matrix",
            "interfaces": [
                {"name": "eth0", "addresses": [{"address": "192.168.3.77"}]},
                {"name": "eth1", "addresses": [{"prefix": "192.168.1.0/24", "primary": True}]},
            ],
        },
    },
    "by_name": {
        "summary": "The key is drawn from the name, and there is no interface yet",
        "value": {"name": "build-07", "cluster": "matrix", "status": "planned"},
    },
    "adopted": {
        "summary": "A machine that is in NetBox already",
        "value": {"name": "legacy-01", "cluster": "matrix", "adopt": True},
    },
}
SECOND: Final[dict[str, Any]] = {"name": "docker-05-sonarr", "cluster": "matrix", "vcpus": 2}
MACHINE_BATCH_REQUEST: Final[dict[str, Any]] = {
    "batch": {"summary": "Two at once", "value": {"items": [MACHINE_REQUEST, SECOND]}}
}


def _address(number: int, part: str, **differs: object) -> dict[str, Any]:
    return {
        **ALLOCATION,
        "key": f"{KEY}~{part}",
        "primary": True,
        "description": "",
        "tags": [],
        "dns_name": NAME,
        "assigned_to": {"virtual_machine": KEY, "interface": "eth0"},
        "part_of": KEY,
        "netbox_id": str(number),
        "netbox_url": f"{NETBOX}/ipam/ip-addresses/{number}/",
        **differs,
    }


IPV4: Final = _address(1234568, "1~v4~1", address="192.168.3.21/24", ip="192.168.3.21")
IPV6: Final = _address(
    1234569,
    "1~v6~1",
    address="2001:db8:3::2/64",
    ip="2001:db8:3::2",
    prefix_length=64,
    family=6,
    prefix="2001:db8:3::/64",
    gateway="2001:db8:3::1",
    netmask="ffff:ffff:ffff:ffff::",
)
MACHINE: Final[dict[str, Any]] = {
    "key": KEY,
    "name": KEY,
    "cluster": "matrix",
    "site": "matrix",
    "device": None,
    "tenant": None,
    "role": "server",
    "platform": None,
    "status": "active",
    "vcpus": 4,
    "memory_mb": 8192,
    "disk_gb": 60,
    "disk_mb": 60000,
    "description": "",
    "comments": "",
    "tags": ["terraform"],
    "custom_fields": {},
    "interfaces": [
        {
            "name": "eth0",
            "mac_address": "52:54:00:12:34:56",
            "mtu": None,
            "enabled": True,
            "description": "",
            "tags": [],
            "addresses": [IPV4, IPV6],
            "netbox_id": "88",
            "netbox_url": f"{NETBOX}/virtualization/interfaces/88/",
        }
    ],
    "primary_ip4": "192.168.3.21",
    "primary_ip6": "2001:db8:3::2",
    "gateway4": "192.168.3.1",
    "gateway6": "2001:db8:3::1",
    "dns_name": NAME,
    "owner": "platform",
    "requested_by": None,
    "reference": None,
    "netbox_id": "77",
    "netbox_url": f"{NETBOX}/virtualization/virtual-machines/77/",
}
PROBLEM: Final[dict[str, Any]] = {
    "type": "/docs/errors#name_taken",
    "title": "Name taken",
    "status": 409,
    "code": "name_taken",
    "detail": "The cluster has a virtual machine of this name that does not belong to the key. "
    "Choose another name, or have somebody who may take it over with `adopt`.",
    "errors": [],
}
OPERATION: Final[dict[str, Any]] = {
    "id": "01932f0c-7a5e-7c3b-9f4e-2b1d6a8c0e55",
    "key": KEY,
    "owner": "platform",
    "action": "register",
    "state": "stuck",
    "step": "interfaces",
    "reason": "the machine has an interface that this operation did not make: eth9",
    "netbox_id": "77",
    "since": "2026-11-23T21:30:00Z",
}
OUTCOME: Final[dict[str, Any]] = {
    "id": OPERATION["id"],
    "key": KEY,
    "result": "undone",
    "detail": "What it had made is gone from NetBox, and the key is free.",
}
ALL_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    **EXAMPLES,
    "machine": MACHINE,
    "machines": {"items": [MACHINE], "next": None},
    "machine batch": {
        "items": [{"status": 200, "virtual_machine": MACHINE}, {"status": 409, "problem": PROBLEM}]
    },
    **CREDENTIAL_EXAMPLES,
    "operations": {"items": [OPERATION], "next": None},
    "outcome": OUTCOME,
}
