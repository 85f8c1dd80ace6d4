"""The examples of the OpenAPI document: one machine, seen through every route.

Routes name the example of a JSON answer and `app.api.document` puts it in: FastAPI would drop its nulls.
"""

from typing import Any, Final

ALLOCATION: Final[dict[str, Any]] = {
    "key": "docker-01-nexus",
    "state": "active",
    "address": "192.168.3.20/24",
    "ip": "192.168.3.20",
    "prefix_length": 24,
    "family": 4,
    "prefix": "192.168.3.0/24",
    "ip_range": None,
    "vrf": None,
    "gateway": "192.168.3.1",
    "netmask": "255.255.255.0",
    "dns_name": "docker-01-nexus.spaceships.work",
    "name_pattern": None,
    "dns_servers": ["192.168.3.53"],
    "description": "Nexus on docker-01",
    "status": "active",
    "role": None,
    "tenant": None,
    "tags": ["terraform", "production-dns"],
    "custom_fields": {},
    "mac_address": None,
    "assigned_to": None,
    "assign_to": None,
    "part_of": None,
    "hold_seconds": None,
    "hold_until": None,
    "owner": "platform",
    "requested_by": "ada",
    "reference": "CHG-1042",
    "netbox_id": "1234567",
    "netbox_url": "https://netbox.example/ipam/ip-addresses/1234567/",
}
TEXT: Final = "192.168.3.20\n"
SHELL: Final = "KEY=docker-01-nexus\nIP=192.168.3.20\nADDRESS=192.168.3.20/24\nGATEWAY=192.168.3.1\n"
PROXMOX: Final = "ip=192.168.3.20/24,gw=192.168.3.1\n"

NEXT_FREE: Final[dict[str, Any]] = {
    "key": "docker-01-nexus",
    "prefix": "192.168.3.0/24",
    "dns_name": "docker-01-nexus.spaceships.work",
    "description": "Nexus on docker-01",
    "tags": ["terraform", "production-dns"],
}
ALLOCATION_REQUESTS: Final[dict[str, Any]] = {
    "next_free": {"summary": "The next free address of a prefix", "value": NEXT_FREE},
    "by_name": {
        "summary": "The key is drawn from the name",
        "value": {"prefix": "192.168.3.0/24", "dns_name": "docker-01-nexus.spaceships.work"},
    },
    "numbered": {
        "summary": "The next free number of a name",
        "value": {
            "key": "nexus-blue",
            "prefix": "192.168.3.0/24",
            "name_pattern": "docker-{nn}-nexus.spaceships.work",
        },
    },
    "held": {
        "summary": "Held for an hour, unless it is confirmed",
        "value": {"key": "build-7", "prefix": "192.168.3.0/24", "hold_seconds": 3600},
    },
    "one_address": {
        "summary": "This address or none",
        "value": {"key": "printer", "address": "192.168.3.77"},
    },
    "bound": {
        "summary": "Bound to an interface that is in NetBox",
        "value": {
            "key": "foxtrot-storage",
            "prefix": "192.168.3.0/24",
            "assign_to": {"device": "foxtrot", "interface": "eth0"},
        },
    },
    "adopted": {
        "summary": "An address that is in NetBox already, put under a key by an operator",
        "value": {"key": "netbox", "address": "192.168.3.20", "adopt": True},
    },
}
SECOND: Final[dict[str, Any]] = {"key": "docker-02-sonarr", "prefix": "192.168.3.0/24"}
BATCH_REQUEST: Final[dict[str, Any]] = {
    "batch": {"summary": "Two at once", "value": {"items": [NEXT_FREE, SECOND]}}
}

PROBLEM: Final[dict[str, Any]] = {
    "type": "/docs/errors#prefix_exhausted",
    "title": "Prefix exhausted",
    "status": 409,
    "code": "prefix_exhausted",
    "detail": "The prefix has no free address left; choose another one or release what is no longer used.",
    "errors": [],
}
BATCH: Final[dict[str, Any]] = {
    "items": [{"status": 200, "allocation": ALLOCATION}, {"status": 409, "problem": PROBLEM}]
}
PREFIX: Final[dict[str, Any]] = {
    "id": "7",
    "prefix": "192.168.3.0/24",
    "family": 4,
    "vrf": None,
    "status": "active",
    "role": "production",
    "site": "matrix",
    "tenant": None,
    "tags": ["terraform"],
    "description": "Servers",
    "children": 0,
    "size": 254,
    "used": 64,
    "free": 190,
    "utilization": 25.2,
    "netbox_url": "https://netbox.example/ipam/prefixes/7/",
}
OFFER: Final[dict[str, Any]] = {"id": "1", "name": "Matrix", "slug": "matrix"}
VRF: Final[dict[str, Any]] = {"id": "2", "name": "blue", "slug": None, "rd": "65000:2"}
NAME_REQUEST: Final[dict[str, Any]] = {
    "name": {
        "summary": "A name for a prefix",
        "value": {"dns_name": "docker-01-nexus.spaceships.work", "prefix": "192.168.3.0/24"},
    },
    "next": {
        "summary": "The next free number of a name",
        "value": {
            "dns_name": "docker-01-nexus.spaceships.work",
            "prefix": "192.168.3.0/24",
            "suggest": True,
        },
    },
}
NAME_VERDICT: Final[dict[str, Any]] = {
    "valid": False,
    "violations": [
        {
            "pointer": "/dns_name",
            "code": "name.pattern",
            "detail": "write <service>-<nn>-<application>.<domain>",
        }
    ],
    "warnings": [],
    "suggestion": None,
}
EVENT: Final[dict[str, Any]] = {
    "event": "outcome",
    "action": "allocate",
    "time": "2026-11-23T21:30:00.000Z",
    "key": "docker-01-nexus",
    "owner": "platform",
    "address": "192.168.3.20/24",
    "netbox_id": 1234567,
    "decision": "created",
}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "next": None}


EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "allocation": ALLOCATION,
    "allocations": _page(ALLOCATION),
    "batch": BATCH,
    "prefix": PREFIX,
    "prefixes": _page(PREFIX),
    "preview": {"items": ["192.168.3.21/24"]},
    "offers": _page(OFFER),
    "vrfs": _page(VRF),
    "name verdict": NAME_VERDICT,
    "events": _page(EVENT),
    "healthy": {"status": "ok"},
    "ready": {"ready": True, "reasons": []},
    "not ready": {"ready": False, "reasons": ["draining"]},
}
