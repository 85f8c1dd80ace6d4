"""The Proxmox example: what is handed to ssh, a recorder here, and the hold that a machine's hook ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.spaces import hosts, key
from tests.terraform.program import MODULES
from tests.terraform.test_address import held

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.program import Desk
    from tests.end_to_end.spaces import Spaces
    from tests.terraform.program import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(240)]
EXAMPLE = (MODULES.parent / "examples" / "terraform" / "proxmox.tf").read_text()
RECORDER = '#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >>"$HOME/ssh.words"\n'


@pytest.fixture
def wanted(terraform: Terraform, spaces: Spaces, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The example, initialised, its variables, and an `ssh` that writes down what it is given."""
    terraform.write(EXAMPLE)
    tools = terraform.folder / "tools"
    tools.mkdir()
    (tools / "ssh").write_text(RECORDER)
    (tools / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    return {
        "key": key(),
        "prefix": spaces.prefix(),
        "dns_name": spaces.name(),
        "proxmox_host": "root@pve",
        "vmid": 104,
    }


def words(folder: Path) -> list[str]:
    """What ssh was given so far."""
    return (folder / "ssh.words").read_text().splitlines()


def test_qm_gets_what_berth_says_it_takes(terraform: Terraform, desk: Desk, wanted: dict[str, Any]) -> None:
    """Once, also after a second apply; it is the very text of ?format=proxmox."""
    terraform.apply(**wanted)
    shown = desk.get(wanted["key"], "?format=proxmox").text.strip()
    assert shown == f"ip={hosts(wanted['prefix'])[0]}/28"
    assert words(terraform.folder) == ["--", "root@pve", "qm", "set", "104", "--ipconfig0", shown]
    terraform.apply(**wanted)
    assert len(words(terraform.folder)) == 7


def test_terraform_makes_the_address_and_the_hook_confirms_it(
    terraform: Terraform, spaces: Spaces, desk: Desk, wanted: dict[str, Any]
) -> None:
    """One owner for both: it is held until then, kept from then on, and Terraform sees no difference."""
    terraform.apply(**wanted)
    assert desk.get(wanted["key"]).json()["state"] == "held"
    assert not terraform.has_changes(**wanted)
    assert desk.confirm(wanted["key"]).status_code == 200
    assert not terraform.has_changes(**wanted)
    terraform.apply(**{**wanted, "dns_name": spaces.name()})
    after = desk.get(wanted["key"]).json()
    assert (after["state"], after["hold_until"]) == ("active", None)
    assert held(spaces, wanted["prefix"]) == {wanted["key"]: terraform.output("address")}
    terraform.destroy(**wanted)
    assert held(spaces, wanted["prefix"]) == {}
