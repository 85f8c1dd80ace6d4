"""The examples of API keys and enrolments in the OpenAPI document."""

from typing import Any, Final

_KEY: Final[dict[str, Any]] = {
    "id": "0Fv3kQz81LsA",
    "client": "ci",
    "label": "GitHub runner in Jena",
    "source_networks": ["10.20.0.0/16"],
    "actions": ["allocate"],
    "prefixes": ["192.168.3.0/24"],
    "names": ["runner-[0-9]+[.]spaceships[.]work"],
    "quota": 20,
    "created_by": "platform",
    "created_at": "2026-11-23T21:30:00Z",
    "expires_at": "2027-11-24T21:30:00Z",
    "last_used_at": "2026-11-24T08:15:21Z",
    "revoked_at": None,
}
_ENROLMENT: Final[dict[str, Any]] = {
    "id": "7hT2mYc95XwB",
    "key": "docker-01-nexus.spaceships.work",
    "prefix": "192.168.3.0/24",
    "vrf": None,
    "dns_name": "docker-01-nexus.spaceships.work",
    "owner": "platform",
    "expires_at": "2026-11-23T22:30:00Z",
    "token": "berthenrol_7hT2mYc95XwB_<32 characters and a checksum>",
}
KEY_REQUESTS: Final[dict[str, Any]] = {
    "key": {"summary": "A key for a client", "value": {"client": "ci", "label": "GitHub runner in Jena"}},
    "image": {
        "summary": "A key that a golden image may carry",
        "value": {
            "client": "ci",
            "label": "Image of 2026-11",
            "actions": ["allocate"],
            "prefixes": ["192.168.3.0/24"],
            "names": ["runner-[0-9]+[.]spaceships[.]work"],
            "quota": 20,
            "expires_in_seconds": 7776000,
            "source_networks": ["192.168.3.0/24"],
        },
    },
    "short": {
        "summary": "A key that expires, for one network",
        "value": {"client": "ci", "expires_in_seconds": 2592000, "source_networks": ["10.20.0.0/16"]},
    },
}
ENROLMENT_REQUESTS: Final[dict[str, Any]] = {
    "machine": {
        "summary": "A token for one machine",
        "value": {"prefix": "192.168.3.0/24", "dns_name": "docker-01-nexus.spaceships.work"},
    },
}
CREDENTIAL_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "keys": {"items": [_KEY], "next": None},
    "made key": {
        **_KEY,
        "last_used_at": None,
        "token": "berth_0Fv3kQz81LsA_<32 characters and a checksum>",
    },
    "enrolment": _ENROLMENT,
}
