"""What the tests against a real NetBox share: its address, a client, a prefix, and its lock."""

from __future__ import annotations

import itertools
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

VARIABLES = ("BERTH_TEST_NETBOX_URL", "BERTH_TEST_NETBOX_TOKEN", "BERTH_TEST_NETBOX_PSQL")
LOCK = 100200  # NetBox takes this PostgreSQL advisory lock for every change to an address


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a server there is nothing to test; but in CI that is a failure and not a reason to skip."""
    if os.environ.get("CI") or any(name in os.environ for name in VARIABLES):
        return
    skip = pytest.mark.skip(reason="needs a real NetBox: make test-netbox")
    for item in items:
        if item.get_closest_marker("netbox"):
            item.add_marker(skip)


class NetBoxSession(requests.Session):
    """A client that knows where NetBox is, and takes nothing else from the environment."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self.trust_env = False
        self.url = url
        self.headers["Authorization"] = f"{'Bearer' if token.startswith('nbt_') else 'Token'} {token}"

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Put NetBox's address in front of the path."""
        request.url = f"{self.url}{request.url}"
        return super().prepare_request(request)


def _variable(name: str) -> str:
    """A variable that `tools/netbox-server env` prints; without it the test fails."""
    value = os.environ.get(name)
    if not value:
        pytest.fail(f"{name} is not set: run `make test-netbox`, or `tools/netbox-server start` and `env`")
    return value


@pytest.fixture(scope="session")
def netbox_url() -> str:
    """Where the real NetBox is."""
    return _variable("BERTH_TEST_NETBOX_URL")


@pytest.fixture(scope="session")
def netbox_token() -> str:
    """A token that may do everything."""
    return _variable("BERTH_TEST_NETBOX_TOKEN")


@pytest.fixture(scope="session")
def netbox(netbox_url: str, netbox_token: str) -> Iterator[requests.Session]:
    """A client of NetBox's own API: `netbox.get("/api/ipam/prefixes/")`."""
    with NetBoxSession(netbox_url, netbox_token) as session:
        yield session


@pytest.fixture(scope="session")
def _networks() -> Iterator[str]:
    """Networks that no other test of this run uses."""
    return (f"10.{number // 256}.{number % 256}.0/24" for number in itertools.count(256 * 100))


@pytest.fixture
def prefix(netbox: requests.Session, _networks: Iterator[str]) -> Iterator[dict[str, Any]]:
    """A /24 of the test's own, empty, and gone afterwards with all that is in it."""
    made = netbox.post("/api/ipam/prefixes/", json={"prefix": next(_networks)})
    assert made.status_code == 201, made.text
    yield made.json()
    inside = {"parent": made.json()["prefix"], "limit": 1000}
    for address in netbox.get("/api/ipam/ip-addresses/", params=inside).json()["results"]:
        netbox.delete(f"/api/ipam/ip-addresses/{address['id']}/")
    netbox.delete(f"/api/ipam/prefixes/{made.json()['id']}/")


@pytest.fixture
def allocation_lock() -> Callable[[], AbstractContextManager[None]]:
    """What holds NetBox's lock as a slow allocation would, for as long as a `with` block lasts."""
    return _hold_lock


@contextmanager
def _hold_lock() -> Iterator[None]:
    """Take the lock in a database session that lasts as long as its standard input is open."""
    argv = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", _variable("BERTH_TEST_NETBOX_PSQL")]
    take = f"SELECT pg_advisory_lock({LOCK});\n\\echo held\n"
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:  # noqa: S603
        assert session.stdin
        assert session.stdout
        session.stdin.write(take)
        session.stdin.flush()
        assert any(line.strip() == "held" for line in session.stdout), "psql could not take the lock"
        yield
        session.stdin.close()
