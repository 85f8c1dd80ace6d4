"""The modules as files: formatted, valid, and alike where they do the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import blocks
from tests.terraform.program import MODULES, Terraform

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.terraform
NAMES = sorted(path.name for path in MODULES.iterdir() if path.is_dir())
each_module = pytest.mark.parametrize("name", NAMES)


def test_the_modules_are_those_that_the_how_to_names() -> None:
    """Three of them."""
    assert NAMES == ["berth-address", "berth-preview", "berth-vm"]


@each_module
def test_a_module_is_formatted_and_valid(name: str, tmp_path: Path) -> None:
    """As Terraform itself says."""
    shutil.copytree(MODULES / name, tmp_path / "module")
    terraform = Terraform(tmp_path / "module", "", "")
    (tmp_path / "module" / "cli.tfrc").touch()
    terraform.ok("fmt", "-check", "-diff")
    terraform.ok("init", "-input=false", "-backend=false")
    assert "The configuration is valid" in terraform.ok("validate")


@each_module
def test_the_readme_names_every_variable_and_every_output(name: str) -> None:
    """In a table each."""
    readme = (MODULES / name / "README.md").read_text()
    text = "\n".join(path.read_text() for path in (MODULES / name).glob("*.tf"))
    for kind in ("variable", "output"):
        names = re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)
        assert names
        section = re.split(rf"^## {kind.title()}s$", readme, flags=re.MULTILINE)[1].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == names


@each_module
def test_what_the_readme_shows_is_valid(name: str, tmp_path: Path) -> None:
    """The block that people copy, beside the module."""
    [shown] = blocks((MODULES / name / "README.md").read_text(), "hcl")
    terraform = Terraform(tmp_path, "", "")
    terraform.write(shown)
    assert "The configuration is valid" in terraform.ok("validate")


def test_what_the_modules_run_is_one_script() -> None:
    """A module can be copied alone, so each has it."""
    scripts = {path.read_bytes() for path in MODULES.glob("*/berth.sh")}
    assert len(scripts) == 1


def test_the_script_says_what_it_needs() -> None:
    """Before it sends anything."""
    script = str(MODULES / "berth-address" / "berth.sh")
    told = subprocess.run(  # noqa: S603 - the project's own script
        ["/bin/sh", script, "PUT"],
        env={"PATH": "/usr/bin:/bin", "URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "BERTH_TOKEN: export it in the shell in which Terraform runs" in told.stderr
