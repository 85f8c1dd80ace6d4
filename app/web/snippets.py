"""What would have done the same as a form: for Terraform, curl and cloud-init. Text, to be copied."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.inventory import Json
from app.operations.answers import Allocation

_SENT: Final = (
    "prefix",
    "ip_range",
    "vrf",
    "dns_name",
    "description",
    "status",
    "role",
    "tenant",
    "tags",
    "mac_address",
    "hold_seconds",
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to copy, and what it is."""

    id: str
    title: str
    text: str


def snippets(url: str, allocation: Allocation) -> list[Snippet]:
    """Each way of asking for the same allocation. `url` is where Berth was reached."""
    body = body_of(allocation)
    return [
        Snippet("terraform", "Terraform", terraform(url, body)),
        Snippet("curl", "curl", curl(url, "/api/v1/allocations", body)),
        Snippet("cloud-init", "cloud-init network-config", network_config(allocation)),
    ]


def body_of(allocation: Allocation) -> dict[str, Json]:
    """The request that makes this allocation, without what is empty."""
    found: dict[str, Json] = {"key": allocation.key}
    for name in _SENT:
        value = getattr(allocation, name)
        if value not in (None, "", ()):
            found[name] = list(value) if isinstance(value, tuple) else value
    if found.get("status") == "active":
        del found["status"]
    return found


def curl(url: str, path: str, body: Mapping[str, Json]) -> str:
    """A command. It takes the token from the environment, so that none lands in a history."""
    sent = json.dumps(body, ensure_ascii=False, indent=1)
    return (
        f'curl -fsS -H "Authorization: Bearer $BERTH_TOKEN" \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f"  {shlex.quote(url + path)} \\\n  -d {shlex.quote(sent)}\n"
    )


def terraform(url: str, body: Mapping[str, Json]) -> str:
    """The module `berth-address` of `deploy/terraform`."""
    given = {"source": "./berth-address", "berth_url": url, "berth_token": None, **body}
    width = max(map(len, given))
    lines = [f"  {name.ljust(width)} = {_hcl(value)}" for name, value in given.items()]
    return "\n".join(['module "address" {', *lines, "}", ""])


def _hcl(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("${", "$${").replace("%{", "%%{")


def network_config(allocation: Allocation) -> str:
    """A NoCloud network-config (version 1, which every renderer of cloud-init takes)."""
    kind = "static" if allocation.family == 4 else "static6"  # noqa: PLR2004 - IPv4
    mac = allocation.mac_address
    lines = ["version: 1", "config:", "  - type: physical", "    name: eth0"]
    lines += [f"    mac_address: {json.dumps(mac)}"] if mac else []
    lines += ["    subnets:", f"      - type: {kind}", f"        address: {json.dumps(allocation.address)}"]
    lines += [f"        gateway: {json.dumps(allocation.gateway)}"] if allocation.gateway else []
    servers = list(allocation.dns_servers)
    lines += [f"        dns_nameservers: {json.dumps(servers)}"] if servers else []
    return "\n".join([*lines, ""])
