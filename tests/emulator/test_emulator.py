"""The emulator as a program: it says what it is, keeps to loopback, keeps its state, and is quick."""

from __future__ import annotations

import ast
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

import app.emulator
from app.emulator import SEED_TOKEN, create_app, running
from app.emulator.server import check_loopback
from tests.contract.client import ADDRESSES, KEY, MACHINES, PREFIXES, NetBox, at_once, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(app.emulator.__file__).parent


@pytest.fixture(scope="module")
def seeded() -> Iterator[NetBox]:
    """An emulator with the demonstration inventory."""
    emulator = create_app(seed=True)
    with running(emulator) as url, NetBox(url, SEED_TOKEN) as client:
        yield client
    emulator.close()


def test_every_answer_says_that_it_is_emulated(seeded: NetBox) -> None:
    """Also those that are errors, and the control route's."""
    for path in ("api/status/", "api/nope/", "elsewhere", "_emulator/requests"):
        assert requests.get(f"{seeded.url}/{path}", timeout=10).headers["X-Berth-Emulator"] == "4.7.3"


def test_it_shares_no_code_with_the_rest_of_the_application() -> None:
    """It imports the standard library, uvicorn and itself."""
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or name.startswith("app.emulator") or top == "uvicorn"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_it_serves_loopback_only(host: str) -> None:
    """Whoever knows the token may do everything."""
    with pytest.raises(ValueError, match="loopback"):
        check_loopback(host)


def test_the_inventory_has_what_the_demonstration_needs(seeded: NetBox) -> None:
    """A site with nodes, prefixes with gateways that are taken, tags, the claim's fields."""
    prefixes = {row["prefix"]: row for row in seeded.found(PREFIXES)}
    assert set(prefixes) == {
        "192.168.0.0/16",
        "192.168.3.0/24",
        "192.168.4.0/24",
        "192.168.5.0/29",
        "fd00:3::/64",
        "10.99.0.0/24",
    }
    assert prefixes["192.168.3.0/24"]["scope"]["slug"] == "matrix"
    assert prefixes["10.99.0.0/24"]["vrf"]["rd"] == "65000:99"
    (gateway,) = seeded.found(ADDRESSES, address="192.168.3.1")
    assert (gateway["status"]["value"], gateway["role"]) == ("reserved", None)
    tags = {row["slug"] for row in seeded.found("extras/tags")}
    assert tags == {"production-dns", "terraform", "docker", "proxmox", "production"}
    assert {row["name"] for row in seeded.found("dcim/devices")} == {"foxtrot", "golf", "hotel"}
    fields = {row["name"]: row for row in seeded.found("extras/custom-fields")}
    assert (fields["berth_key"]["unique"], fields["berth_owner"]["unique"]) == (True, False)


def test_the_inventory_is_applied_once(tmp_path: Path) -> None:
    """A second start of the same database adds nothing."""
    path = str(tmp_path / "netbox.sqlite")
    for _ in range(2):
        emulator = create_app(path, seed=True)
        with running(emulator) as url, NetBox(url, SEED_TOKEN) as client:
            assert len(client.found("dcim/sites")) == 1
        emulator.close()


def test_the_state_outlives_the_server(tmp_path: Path) -> None:
    """In the same process, and in the file."""
    emulator = create_app(str(tmp_path / "netbox.sqlite"))
    with running(emulator) as url, NetBox(url, SEED_TOKEN) as client:
        row = client.address()
    with running(emulator) as url, NetBox(url, SEED_TOKEN) as client:
        assert client.get(f"{ADDRESSES}/{row['id']}").status_code == 200
    emulator.close()


def test_what_was_committed_outlives_a_kill(tmp_path: Path) -> None:
    """The program is killed in the middle of its work; every answer that it gave still holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app.emulator", "--seed", "--port", str(port)]
    command += ["--database", str(tmp_path / "state" / "netbox.sqlite")]
    numbers: list[int] = []
    for _ in range(2):
        with subprocess.Popen(command, cwd=FOLDER.parent.parent) as program:  # noqa: S603 - our own program
            with NetBox(f"http://127.0.0.1:{port}", SEED_TOKEN) as client:
                prefix = _when_ready(client)
                if numbers:
                    assert client.get(ADDRESSES, id=numbers).json()["count"] == len(numbers)
                numbers += [client.allocate(prefix, {}).json()["id"] for _ in range(5)]
            program.send_signal(signal.SIGKILL)


def _when_ready(client: NetBox) -> dict[str, object]:
    deadline = time.monotonic() + 20
    while True:
        try:
            return client.found(PREFIXES, prefix="192.168.4.0/24")[0]
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_tokens_of_both_kinds_can_be_given() -> None:
    """Each may do everything."""
    tokens = ("a" * 40, "nbt_key.secret")
    emulator = create_app(tokens=tokens)
    with running(emulator) as url:
        for token in tokens:
            with NetBox(url, token) as client:
                assert client.address()["address"]
    emulator.close()


def test_duplicates_can_be_allowed_globally() -> None:
    """NetBox has a setting for it, ENFORCE_GLOBAL_UNIQUE; a VRF has its own."""
    emulator = create_app(global_unique=False)
    with running(emulator) as url, NetBox(url, SEED_TOKEN) as client:
        for _ in range(2):
            client.made(ADDRESSES, {"address": "10.0.0.1/24"})
        vrf = client.vrf()["id"]
        client.made(ADDRESSES, {"address": "10.0.0.1/24", "vrf": vrf})
        assert client.post(ADDRESSES, {"address": "10.0.0.1/24", "vrf": vrf}).status_code == 400
    emulator.close()


def test_a_claim_on_a_machine_can_be_raced(emulator: NetBox) -> None:
    """NetBox takes no lock for machines, so several may get the same claim."""
    cluster = emulator.cluster()["id"]
    body = {"cluster": cluster, "custom_fields": {KEY: "k"}}
    answers = at_once(12, lambda _: emulator.post(MACHINES, {"name": unique(), **body}))
    assert {answer.status_code for answer in answers} <= {201, 400}
    assert 1 <= len(emulator.found(MACHINES, cf_berth_key="k")) <= 12


def test_fifty_addresses_cost_little(emulator: NetBox) -> None:
    """A list of fifty is answered in a fraction of what NetBox takes (350 ms)."""
    prefix = emulator.prefix(16)
    items = [{"dns_name": f"n{i}.example.com", "custom_fields": {KEY: f"warm{i}"}} for i in range(50)]
    emulator.allocate(prefix, items)
    began = time.perf_counter()
    for turn in range(4):
        for i, item in enumerate(items):
            item["custom_fields"] = {KEY: f"{turn}-{i}"}
        assert emulator.allocate(prefix, items).status_code == 201
    assert (time.perf_counter() - began) / 4 < 0.1
