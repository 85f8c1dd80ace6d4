"""What operators do to a NetBox: make a user with the least rights, and look at it before anything else."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.netbox.rights import RIGHTS
from tests.cli.said import berth
from tests.contract.client import unique
from tests.tools import ROOT, run
from tools.netbox_server import application, places

if TYPE_CHECKING:
    import requests

pytestmark = pytest.mark.netbox


def test_the_user_that_bootstrap_makes_has_exactly_the_rights_that_berth_needs(
    netbox: requests.Session, netbox_url: str, tmp_path: Path
) -> None:
    """The rights are tried one by one, and its token allocates."""
    file, name = tmp_path / "token", unique("berth")
    words = ("bootstrap", "--token-stdin", "--user", name, "--user-token-file", str(file))
    made = berth(*words, stdin=os.environ["BERTH_TEST_NETBOX_TOKEN"], NETBOX_URL=netbox_url)
    assert made.code == 0, made.err
    environ = {
        "NETBOX_URL": netbox_url,
        "NETBOX_API_TOKEN_FILE": str(file),
        "BERTH_TOKEN": "secret",
        "BERTH_STATE_DIR": str(tmp_path),
    }
    said = berth("doctor", **environ)
    assert said.out.count(": granted") == len(RIGHTS), said.out
    assert "excess rights: 0 found" in said.out
    assert file.read_text().startswith("nbt_")
    assert netbox.get("/api/users/users/", params={"username": name}).json()["count"] == 1


def test_the_token_that_compose_makes_for_bootstrap_is_an_administrators_for_an_hour(
    netbox: requests.Session, netbox_url: str, tmp_path: Path
) -> None:
    """NetBox itself runs the script, as in the container."""
    script, file = (ROOT / "deploy" / "compose" / "admin_token.py").read_text(), tmp_path / "admin-token"
    environ = {**application.settings(places.running()), "ADMIN_TOKEN_FILE": str(file)}
    run(str(places.venv() / "bin" / "netbox"), "shell", "--command", script, environ=environ)
    token = file.read_text().strip()
    said = berth("bootstrap", "--token-stdin", stdin=token, NETBOX_URL=netbox_url)
    assert said.code == 0, said.err
    rows = netbox.get("/api/users/tokens/", params={"description": "berth bootstrap"}).json()["results"]
    expires = datetime.fromisoformat(rows[-1]["expires"])
    assert timedelta(minutes=55) < expires - datetime.now(UTC) < timedelta(minutes=61)


def test_the_report_finds_what_is_wrong(
    netbox: requests.Session, netbox_url: str, prefix: dict[str, Any]
) -> None:
    """A gateway that is not recorded and a name that no host can have; nothing is changed by looking."""
    path = f"/api/ipam/prefixes/{prefix['id']}/available-ips/"
    netbox.post(path, json=[{}, {"dns_name": f"{unique('a')}_b.example.org"}])
    first, second = netbox.get("/api/ipam/ip-addresses/", params={"parent": prefix["prefix"]}).json()[
        "results"
    ]
    netbox.delete(f"/api/ipam/ip-addresses/{first['id']}/")
    before = netbox.get("/api/core/object-changes/").json()["count"]
    token = os.environ["BERTH_TEST_NETBOX_TOKEN"]
    said = berth("doctor", "--report", "--most", "1000", NETBOX_URL=netbox_url, NETBOX_API_TOKEN=token)
    assert said.code == 0, said.err
    gateway = prefix["prefix"].replace("0/24", "1")
    assert f"- {prefix['prefix']}: {gateway}" in said.out
    assert f"- {second['dns_name']} (" in said.out
    assert f"- {prefix['prefix']}: 0% (1 of 254)" in said.out
    assert netbox.get("/api/core/object-changes/").json()["count"] == before
