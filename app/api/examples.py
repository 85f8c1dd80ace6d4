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
    "open": True,
    "closed_because": None,
    "size": 254,
    "used": 64,
    "free": 190,
    "utilization": 25.2,
    "netbox_url": "https://netbox.example/ipam/prefixes/7/",
}
OFFER: Final[dict[str, Any]] = {"id": "1", "name": "Matrix", "slug": "matrix"}
VRF: Final[dict[str, Any]] = {"id": "2", "name": "blue", "slug": None, "rd": "65000:2"}
NO_REQUEST: Final[dict[str, Any]] = {"nothing": {"summary": "Nothing, or an empty object", "value": {}}}
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
    "action": "allocate",
    "address": "192.168.3.20/24",
    "chain": "019ab0f2-4c1e-7d2a-9f43-5a1c0e6b7d10",
    "client_address": "192.0.2.7",
    "credential": "0Fv3kQz81LsA",
    "decision": "allocated",
    "duration": 0.041337,
    "event": "outcome",
    "fingerprint": "f588b4e29c54c07311f4f1c0656461ae61fe9f1ec0fc7dc76861af4b47f3103b",
    "hash": "4cd3a2f4a1b4c8d1b7f7c9c2b7a0e1f7d9b1e8a7c6d5e4f3a2b1c0d9e8f7a6b5",
    "key": "docker-01-nexus",
    "method": "key",
    "name": "docker-01-nexus.spaceships.work",
    "netbox_id": 1234567,
    "netbox_request_id": "0b6f6f0e-6f0f-4a57-9a53-0f9c1f1d9d55",
    "operation": "019ab0f2-5d3f-7b1c-8e21-7c9d0a4b6e22",
    "owner": "platform",
    "policy": "cced62f698d6d6a643b446bb380d6f43e0902d12a12a86084c0b68c0bc48419c",
    "prefix": "192.168.3.0/24",
    "previous": "9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
    "request_id": "019ab0f2-5d3e-7e55-b0c7-2f4e6a8c0d1e",
    "sequence": 1,
    "time": 1795123800.25,
    "version": 3,
}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "next": None}


EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "allocation": ALLOCATION,
    "allocations": _page(ALLOCATION),
    "batch": BATCH,
    "prefix": PREFIX,
    "prefixes": _page(PREFIX),
    "preview": {"items": ["192.168.3.21/24"], "next": None},
    "offers": _page(OFFER),
    "vrfs": _page(VRF),
    "name verdict": NAME_VERDICT,
    "events": _page(EVENT),
    "healthy": {"status": "ok"},
    "ready": {"ready": True, "reasons": []},
    "not ready": {"ready": False, "reasons": ["draining"]},
}
PARAMETERS: Final[dict[str, str | int | bool]] = {
    "action": "allocate",
    "address": "192.168.3.20",
    "client": "ci",
    "cluster": "matrix",
    "cursor": "Nw",
    "dns_name": "docker-01-nexus.spaceships.work",
    "dry_run": True,
    "event": "outcome",
    "force": True,
    "format": "env",
    "id": "019ac0de-7a3c-7000-8000-6f1f3b0c2d4e",
    "idempotency-key": "docker-01-nexus",
    "key": "docker-01-nexus",
    "limit": 20,
    "name": "docker-01-nexus.spaceships.work",
    "netbox_request_id": "8c1ae7f0-33c8-4f0a-9e0b-4a4b7a0c5a11",
    "operation": "019ac0de-7a3c-7000-8000-6f1f3b0c2d4e",
    "owner": "platform",
    "prefix": "192.168.3.0/24",
    "prefix_id": "7",
    "q": "matrix",
    "request_id": "order-4711",
    "role": "production",
    "site": "matrix",
    "state": "held",
    "tag": "terraform",
    "vrf": "management",
}
"""An example of every parameter, by its name. They go into schemas, where no page fills them in unasked."""
