"""A NetBox as the contract tests see it: plain HTTP, and helpers that make what a test needs.

Everything that is made has a name or a subnet of its own, so that the tests can run again and again against a
server that keeps what they leave behind.
"""

from __future__ import annotations

import ipaddress
import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Row = dict[str, Any]

PREFIXES = "ipam/prefixes"
ADDRESSES = "ipam/ip-addresses"
MACHINES = "virtualization/virtual-machines"
INTERFACES = "virtualization/interfaces"
KEY = "berth_key"
OWNER = "berth_owner"
LOOSE = "contract_note"
CLAIM_TAKEN = f"Custom field '{KEY}' must have a unique value."


def unique(word: str = "t") -> str:
    """Return a name that nothing else has."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


class NetBox:
    """A client of one server with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = (
            f"{'Bearer' if token.startswith('nbt_') else 'Token'} {token}"
        )
        self._session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # -- calls ---------------------------------------------------------------------------------

    def call(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Make a call; ``path`` is below ``/api/``, with its last slash."""
        options.setdefault("timeout", 60)
        if "If-Match" in options.get(
            "headers", {}
        ):  # refused before its body was read: see app.netbox.client
            options["headers"] = {**options["headers"], "Connection": "close"}
        response = self._session.request(method, f"{self.url}/api/{path}", **options)
        if response.status_code in {401, 403, 404}:  # as well
            self._session.close()
        return response

    def get(self, path: str, **query: Any) -> requests.Response:  # noqa: ANN401 - any filter
        """Read."""
        return self.call("GET", f"{path}/", params=query)

    def post(self, path: str, data: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - any body
        """Create."""
        return self.call("POST", f"{path}/", json=data, **options)

    def patch(self, path: str, data: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - any body
        """Change."""
        return self.call("PATCH", f"{path}/", json=data, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Delete."""
        return self.call("DELETE", f"{path}/", **options)

    def allocate(self, prefix: Row, data: Any = None, **options: Any) -> requests.Response:  # noqa: ANN401
        """POST to a prefix's (or range's) available-ips."""
        path = prefix["url"].split("/api/")[1]
        body = {} if data is None else data
        return self.call("POST", f"{path}available-ips/", json=body, **options)

    def found(self, path: str, **query: Any) -> list[Row]:  # noqa: ANN401 - any filter
        """Return the objects of a list."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        rows: list[Row] = response.json()["results"]
        return rows

    def made(self, path: str, data: Row) -> Row:
        """Create an object that has to succeed, and return it."""
        response = self.post(path, data)
        assert response.status_code == 201, response.text
        row: Row = response.json()
        return row

    # -- objects -------------------------------------------------------------------------------

    def prefix(self, length: int = 24, family: int = 4, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create a prefix in which there is nothing yet, with the global table as its VRF."""
        for _ in range(50):
            network = subnet(length, family)
            inside = self.get(ADDRESSES, parent=str(network), limit=1).json()["count"]
            around = self.get(PREFIXES, contains=str(network.network_address), limit=1).json()["count"]
            if not inside and not around:
                return self.made(PREFIXES, {"prefix": str(network), **fields})
        raise AssertionError("no free subnet")

    def address(self, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create an address in a prefix of its own."""
        response = self.allocate(self.prefix(29), fields)
        assert response.status_code == 201, response.text
        row: Row = response.json()
        return row

    def vrf(self, *, enforce_unique: bool = True) -> Row:
        """Create a VRF."""
        name = unique("vrf")
        rd = f"{secrets.randbelow(64_000) + 1}:{secrets.randbelow(2**31)}"
        return self.made("ipam/vrfs", {"name": name, "rd": rd, "enforce_unique": enforce_unique})

    def tag(self) -> Row:
        """Create a tag."""
        name = unique("tag")
        return self.made("extras/tags", {"name": name.upper(), "slug": name})

    def tenant(self) -> Row:
        """Create a tenant."""
        name = unique("tenant")
        return self.made("tenancy/tenants", {"name": name.upper(), "slug": name})

    def site(self) -> Row:
        """Create a site."""
        name = unique("site")
        return self.made("dcim/sites", {"name": name, "slug": name})

    def cluster(self, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create a cluster of a type of its own."""
        name = unique("cluster")
        kind = self.made("virtualization/cluster-types", {"name": name, "slug": name})
        return self.made("virtualization/clusters", {"name": name, "type": kind["id"], **fields})

    def machine(self, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create a VM in a cluster."""
        cluster = fields.pop("cluster", None) or self.cluster()["id"]
        return self.made(MACHINES, {"name": unique("vm"), "cluster": cluster, **fields})

    def interface(self, machine: Row | None = None, **fields: Any) -> Row:  # noqa: ANN401 - any field
        """Create an interface of a VM."""
        machine = machine or self.machine()
        return self.made(INTERFACES, {"virtual_machine": machine["id"], "name": "eth0", **fields})

    def account(self, *permissions: Row, **token: Any) -> NetBox:  # noqa: ANN401 - any field of a token
        """Create a user with these permissions, and return a client with a token of theirs."""
        name = unique("user")
        user = self.made("users/users", {"username": name, "password": f"Aa1!{uuid.uuid4()}"})
        for permission in permissions:
            self.made("users/permissions", {"name": unique("may"), "users": [user["id"]], **permission})
        made = self.made("users/tokens", {"user": user["id"], "version": 1, **token})
        return NetBox(self.url, made["token"])

    def device_interface(self) -> Row:
        """Create a device with an interface."""
        name = unique("device")
        maker = self.made("dcim/manufacturers", {"name": name, "slug": name})
        kind = self.made("dcim/device-types", {"manufacturer": maker["id"], "model": name, "slug": name})
        role = self.made("dcim/device-roles", {"name": name, "slug": name})
        device = self.made(
            "dcim/devices",
            {"name": name, "device_type": kind["id"], "role": role["id"], "site": self.site()["id"]},
        )
        return self.made("dcim/interfaces", {"device": device["id"], "name": "eth0", "type": "virtual"})


def subnet(length: int, family: int = 4) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return a random private network."""
    if family == 6:
        number = (0xFD << 120) | (secrets.randbits(80) << 40)
        return ipaddress.IPv6Network((number >> (128 - length) << (128 - length), length))
    number = (10 << 24) | (secrets.randbits(16) << 8)
    return ipaddress.IPv4Network((number >> (32 - length) << (32 - length), length))


def may(models: str | list[str], *actions: str, constraints: Mapping[str, Any] | None = None) -> Row:
    """Return the body of a permission."""
    types = [models] if isinstance(models, str) else models
    return {"object_types": types, "actions": list(actions), "enabled": True, "constraints": constraints}


def at_once(count: int, call: Callable[[int], requests.Response]) -> list[requests.Response]:
    """Make several calls at the same time and return their answers."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def host(prefix: Row, offset: int) -> str:
    """Return the address at an offset in a prefix, without a mask."""
    return str(ipaddress.ip_network(prefix["prefix"])[offset])
