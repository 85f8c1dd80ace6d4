"""The Terraform example, applied with the real program. It needs no provider from elsewhere."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.program import Desk
from tests.examples.conftest import EXAMPLES, Shell

FILES = EXAMPLES / "terraform"
KEY = "/api/v1/allocations/terraform-docker-03-grafana"

if shutil.which("terraform") is None and "CI" not in os.environ:
    pytest.skip("needs terraform; in CI its absence is a failure", allow_module_level=True)


@dataclass(frozen=True)
class Terraform:
    """Runs Terraform in a folder that holds the example."""

    shell: Shell

    def run(self, command: str, *options: str, **variables: str) -> int:
        """Run one command with these variables and return its exit code."""
        given = {f"TF_VAR_{name}": value for name, value in variables.items()}
        told = self.shell.run(
            *("terraform", command, "-no-color", *options),
            TF_VAR_berth_url=self.shell.url,
            TF_IN_AUTOMATION="1",
            CHECKPOINT_DISABLE="1",
            **given,
        )
        return told.returncode

    def apply(self, **variables: str) -> int:
        """Apply without asking."""
        return self.run("apply", "-auto-approve", "-input=false", **variables)

    def destroy(self) -> int:
        """Destroy without asking."""
        return self.run("destroy", "-auto-approve", "-input=false")


@pytest.fixture
def terraform(shell: Shell, tmp_path: Path) -> Terraform:
    """The example, initialised."""
    shutil.copy(FILES / "address.tf", tmp_path)
    terraform = Terraform(shell)
    assert terraform.run("init", "-input=false") == 0
    return terraform


def test_the_files_are_formatted(shell: Shell) -> None:
    """As `terraform fmt` would have it."""
    assert shell.run("terraform", "fmt", "-check", str(FILES)).returncode == 0


def test_apply_allocates_and_destroy_releases(terraform: Terraform, desk: Desk) -> None:
    """The address lives as long as the resource."""
    assert terraform.run("validate") == 0
    assert terraform.apply() == 0
    made = desk.call("GET", KEY).json()
    assert made["dns_name"] == "docker-03-grafana.spaceships.work"
    assert made["tags"] == ["terraform"]
    assert terraform.destroy() == 0
    assert desk.call("GET", KEY).status_code == 404


def test_a_plan_allocates_nothing_and_finds_no_difference_after_an_apply(
    terraform: Terraform, desk: Desk
) -> None:
    """With `-detailed-exitcode`, 2 means changes and 0 none."""
    assert terraform.run("plan", "-detailed-exitcode", "-input=false") == 2
    assert desk.call("GET", KEY).status_code == 404
    assert terraform.apply() == 0
    assert terraform.run("plan", "-detailed-exitcode", "-input=false") == 0
    assert terraform.destroy() == 0


def test_another_name_keeps_the_address(terraform: Terraform, desk: Desk) -> None:
    """The key stays, so the PUT changes what is there."""
    assert terraform.apply() == 0
    before = desk.call("GET", KEY).json()
    assert terraform.apply(dns_name="docker-04-grafana.spaceships.work") == 0
    after = desk.call("GET", KEY).json()
    assert (after["ip"], after["netbox_id"]) == (before["ip"], before["netbox_id"])
    assert after["dns_name"] == "docker-04-grafana.spaceships.work"
    assert terraform.destroy() == 0


def test_another_prefix_releases_and_allocates(terraform: Terraform, desk: Desk) -> None:
    """An address cannot move."""
    assert terraform.apply() == 0
    assert terraform.apply(prefix="192.168.4.0/24") == 0
    assert desk.call("GET", KEY).json()["prefix"] == "192.168.4.0/24"
    assert terraform.destroy() == 0


def test_an_apply_that_failed_leaves_nothing_behind_after_destroy(terraform: Terraform, desk: Desk) -> None:
    """Terraform skips the destroy provisioner of a tainted resource; this one cannot be tainted."""
    assert terraform.apply() == 0
    assert terraform.apply(dns_name="bad_name.spaceships.work") != 0
    assert desk.call("GET", KEY).status_code == 200
    assert terraform.destroy() == 0
    assert desk.call("GET", KEY).status_code == 404
