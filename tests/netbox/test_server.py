"""The server behind `make test-netbox` is a real NetBox, of the release it says, and does its work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

pytestmark = pytest.mark.netbox


def test_the_server_is_a_real_netbox(netbox: requests.Session) -> None:
    """The emulator says in every answer what it is; this one does not, and names its release."""
    answer = netbox.get("/api/status/")
    assert answer.status_code == 200
    assert "X-Berth-Emulator" not in answer.headers
    assert answer.json()["netbox-version"].startswith("4.7.")
    assert answer.headers["API-Version"] == "4.7"


def test_it_takes_both_kinds_of_token(netbox: requests.Session, netbox_url: str) -> None:
    """Tokens of the second version are sent as Bearer."""
    bearer = {"Authorization": f"Bearer {os.environ['BERTH_TEST_NETBOX_TOKEN_V2']}"}
    assert str(netbox.headers["Authorization"]).startswith("Token ")
    assert requests.get(f"{netbox_url}/api/status/", headers=bearer, timeout=30).status_code == 200
    assert requests.get(f"{netbox_url}/api/status/", timeout=30).status_code == 403


def test_it_hands_out_the_next_free_addresses(netbox: requests.Session, prefix: dict[str, Any]) -> None:
    """A list comes back in its own order, lowest address first, and one more follows on."""
    path = f"/api/ipam/prefixes/{prefix['id']}/available-ips/"
    names = ["one.example.org", "two.example.org"]
    made = netbox.post(path, json=[{"dns_name": name} for name in names])
    assert made.status_code == 201, made.text
    network = prefix["prefix"].removesuffix("0/24")
    addresses = [(item["address"], item["dns_name"]) for item in made.json()]
    assert addresses == [(f"{network}1/24", names[0]), (f"{network}2/24", names[1])]
    assert netbox.post(path, json={}).json()["address"] == f"{network}3/24"


def test_an_allocation_waits_for_the_lock_and_outlives_its_client(
    netbox: requests.Session,
    prefix: dict[str, Any],
    allocation_lock: Callable[[], AbstractContextManager[None]],
) -> None:
    """NetBox goes on with a request whose client has given up: after a timeout nobody knows."""
    path = f"/api/ipam/prefixes/{prefix['id']}/available-ips/"
    with allocation_lock(), pytest.raises(requests.ReadTimeout):
        netbox.post(path, json={"dns_name": "given-up.example.org"}, timeout=2)
    assert netbox.post(path, json={}).json()["address"].endswith(".2/24")
    found = netbox.get("/api/ipam/ip-addresses/", params={"dns_name": "given-up.example.org"}).json()
    assert [address["address"] for address in found["results"]] == [prefix["prefix"].replace("0/24", "1/24")]
