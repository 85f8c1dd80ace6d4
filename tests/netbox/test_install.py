"""Somebody installs Berth for the first time, and types what docs/operate/install.md says, word by word."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import blocks
from tests.end_to_end.program import free_port, wait_until
from tests.tools import ROOT

if TYPE_CHECKING:
    import requests

pytestmark = [pytest.mark.netbox, pytest.mark.timeout(400)]
PAGE = (ROOT / "docs" / "operate" / "install.md").read_text()
UNIT = Path(__file__).with_name("unit.py")
NETWORK = "192.168.3.0/24"


@dataclass(frozen=True)
class Machine:
    """A machine to install on: folders below one folder, a port that is free, and no systemd."""

    folder: Path
    port: int
    netbox: str

    def here(self, text: str) -> str:
        """The text with this machine's places."""
        for place in ("/opt/berth", "/etc/berth", "/etc/systemd"):
            text = text.replace(place, f"{self.folder}{place}")
        return text.replace("8000", str(self.port)).replace("https://netbox.example.com", self.netbox)

    def type(self, commands: str, stdin: str = "") -> str:
        """Type commands as root in a copy of the repository; each has to succeed."""
        environ = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        for name in [name for name in environ if name.startswith(("BERTH_", "NETBOX_", "VIRTUAL_ENV"))]:
            del environ[name]
        ended = subprocess.run(  # noqa: S603 - what the page says
            ["bash", "-euo", "pipefail", "-c", self.here(commands)],  # noqa: S607
            env=environ,
            cwd=ROOT,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def provide(self, name: str, command: str) -> None:
        """Put a command into the PATH."""
        file = self.folder / "bin" / name
        file.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        file.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, netbox_url: str) -> Iterator[Machine]:
    """What is started on it is stopped."""
    machine = Machine(tmp_path, free_port(), netbox_url)
    (tmp_path / "bin").mkdir()
    for folder in ("opt", "etc/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    machine.provide("python3", f"{sys.base_prefix}/bin/python3")
    machine.provide("useradd", "true")  # who it runs as is systemd's affair
    machine.provide("systemctl", f"{sys.executable} {UNIT} {tmp_path}")
    yield machine
    if (tmp_path / "pid").exists():
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def network(netbox: requests.Session) -> Iterator[str]:
    """The prefix that the page asks for an address of."""
    made = netbox.post("/api/ipam/prefixes/", json={"prefix": NETWORK}).json()
    yield NETWORK
    for address in netbox.get("/api/ipam/ip-addresses/", params={"parent": NETWORK}).json()["results"]:
        netbox.delete(f"/api/ipam/ip-addresses/{address['id']}/")
    netbox.delete(f"/api/ipam/prefixes/{made['id']}/")


def test_the_page_ends_with_a_served_allocation(machine: Machine, netbox_token: str, network: str) -> None:
    """From the venv to the address; the unit's own command and environment start Berth."""
    section = PAGE.partition("## Systemd")[2].partition("\n## ")[0]
    install, serve = blocks(section, "sh")
    machine.type(install)
    written = machine.folder / "etc" / "berth" / "berth.env"
    written.write_text(machine.here(written.read_text()))  # "Write NetBox's address into"
    unit = machine.folder / "etc" / "systemd" / "system" / "berth.service"
    unit.write_text(machine.here(unit.read_text()))
    before, ask = serve.split("curl", 1)
    said = machine.type(before, stdin=f"{netbox_token}\n")
    assert "created   user berth" in said or "found     user berth" in said
    log = machine.folder / "log"
    wait_until(lambda: '"ready"' in log.read_text(), "the log says ready")
    answer = json.loads(machine.type(f"curl --silent --show-error --fail{ask}"))
    assert answer["address"] == "192.168.3.1/24"
    assert answer["prefix"] == network
    assert answer["key"] == "web-01.example.com"
    again = json.loads(machine.type(f"curl --silent --show-error --fail{ask}"))
    assert again == answer


def test_the_commands_on_the_page_are_of_this_repository() -> None:
    """Every file that a command names is there."""
    for block in blocks(PAGE, "sh"):
        for name in re.findall(r"\b(deploy/[\w./-]+)", block):
            assert name == "deploy/berth" or (ROOT / name).exists(), name  # kubectl's name for a deployment
