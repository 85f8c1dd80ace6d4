"""The systemd unit, as systemd itself sees it."""

import re
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from tests.tools import ROOT, run, tool

pytestmark = pytest.mark.deploy
UNIT = ROOT / "deploy" / "systemd" / "berth.service"
MOST_EXPOSED = 2.0


def _unit_here(folder: Path) -> str:
    """The unit with a program that this machine has."""
    text = UNIT.read_text().replace("/opt/berth/bin/berth", sys.executable)
    (folder / UNIT.name).write_text(text)
    return str(folder / UNIT.name)


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    """It exits with 0 whatever it finds, and says so on stderr."""
    analyze = tool("systemd-analyze", "apt-get install systemd")
    assert run(analyze, "verify", _unit_here(tmp_path)).strip() == ""


def test_the_sandbox_leaves_little_exposed(tmp_path: Path) -> None:
    """Systemd's own scale: 10 is a service without any sandbox, below 2 is hardened."""
    analyze = tool("systemd-analyze", "apt-get install systemd")
    said = run(analyze, "security", "--offline=yes", "--no-pager", _unit_here(tmp_path))
    found = re.search(r"Overall exposure level for berth.service: ([\d.]+)", said)
    assert found
    assert float(found[1]) < MOST_EXPOSED


def test_it_waits_longer_than_berth_drains() -> None:
    """Else what was accepted would be killed."""
    found = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert found
    assert int(found[1]) >= Settings.model_fields["drain_seconds"].default + 5
