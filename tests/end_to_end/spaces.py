"""What the tests stand on: networks of a test's own in NetBox, and the policy by which their rules differ."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING, Any

from tests.contract.client import ADDRESSES, PREFIXES, Row, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox

PLAIN = "172.16.0.0/14"
ROUTED = "172.20.0.0/14"
UNRECORDED = "172.24.0.0/14"
OPEN = "172.28.0.0/14"
PLAIN_V6 = "fd16::/32"
DEFAULT_TAG = "end-to-end-default"

POLICY = """\
version: 1
clients:
  alice: {{token_sha256: [{alice}], roles: [team]}}
  bob: {{token_sha256: [{bob}], roles: [allocator]}}
  ops: {{token_sha256: [{ops}], roles: [operator]}}
roles:
  team:
    - {{actions: [read, allocate, update, release, register, retire, assert, audit]}}
names:
  dns:
    - name: spaceships
      scope: {{domains: [ships.test]}}
      pattern: "[a-z]+-[0-9]{{2}}-[a-z]+\\\\.ships\\\\.test"
      examples: [docker-01-nexus.ships.test]
      messages: {{pattern: "write a name as docker-01-nexus.ships.test"}}
prefixes:
  - {{prefix: 172.20.0.0/14, gateway: first, record_gateway: true, dns_servers: [172.20.0.53, 172.20.0.54]}}
  - {{prefix: 172.24.0.0/14, gateway: first}}
  - {{prefix: 172.28.0.0/14, allow: [children]}}
tags:
  domains: {{tagged.test: [end-to-end-default]}}
"""


class Spaces:
    """Makes objects in NetBox."""

    def __init__(self, netbox: NetBox) -> None:
        self.netbox = netbox

    def prefix(self, within: str = PLAIN, length: int = 28, **fields: Any) -> str:  # noqa: ANN401 - any field
        """Create a prefix in which, and around which, there is nothing, and return its CIDR."""
        return str(self.made(within, length, **fields)["prefix"])

    def made(self, within: str = PLAIN, length: int = 28, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create such a prefix and return it as NetBox shows it."""
        for _ in range(200):
            network = _random(ipaddress.ip_network(within), length)
            if self._is_free(network):
                return self.netbox.made(PREFIXES, {"prefix": str(network), **fields})
        raise AssertionError(f"no free network in {within}")

    def _is_free(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
        queries = (
            (ADDRESSES, {"parent": str(network)}),
            (PREFIXES, {"contains": str(network.network_address)}),
            (PREFIXES, {"within_include": str(network)}),
        )
        return not any(self.netbox.get(path, limit=1, **query).json()["count"] for path, query in queries)

    def address(self, address: str, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create an address as a human would."""
        return self.netbox.made(ADDRESSES, {"address": address, **fields})

    def held(self, key: str) -> list[Row]:
        """Return every address that carries this key."""
        return self.netbox.found(ADDRESSES, cf_berth_key=key)

    def inside(self, prefix: str, **query: Any) -> list[Row]:  # noqa: ANN401 - any filter
        """Return every address inside a prefix."""
        return self.netbox.found(ADDRESSES, parent=prefix, limit=1000, **query)

    def change(self, netbox_id: str, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Change an address as a human would."""
        response = self.netbox.patch(f"{ADDRESSES}/{netbox_id}", fields)
        assert response.status_code == 200, response.text
        row: Row = response.json()
        return row

    def read(self, netbox_id: str) -> Row:
        """Read an address."""
        response = self.netbox.get(f"{ADDRESSES}/{netbox_id}")
        assert response.status_code == 200, response.text
        row: Row = response.json()
        return row

    def remove(self, netbox_id: str) -> None:
        """Delete an address as a human would."""
        assert self.netbox.delete(f"{ADDRESSES}/{netbox_id}").status_code == 204

    def name(self, domain: str = "plain.test") -> str:
        """Return a DNS name that nothing has."""
        return f"{unique('host')}.{domain}"


def _random(
    around: ipaddress.IPv4Network | ipaddress.IPv6Network, length: int
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return a random network of a length inside another one."""
    step = 1 << (around.max_prefixlen - length)
    start = int(around.network_address) + step * secrets.randbelow(1 << (length - around.prefixlen))
    return ipaddress.ip_network((start, length))


def hosts(prefix: str) -> list[str]:
    """Return the addresses that hosts can have, in order."""
    return [str(host) for host in ipaddress.ip_network(prefix).hosts()]


def mask(prefix: str) -> str:
    """Return a prefix's length as text."""
    return prefix.partition("/")[2]


def key() -> str:
    """Return a key that nothing has."""
    return unique("key")
