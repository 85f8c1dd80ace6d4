"""The image recipe and the compose file, as far as they can be checked without a container engine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app.settings import Settings, unknown_variables, variable
from tests.docs.pages import ROOT

COMPOSE = ROOT / "deploy" / "compose"
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _variables(example: Path) -> dict[str, str]:
    lines = [line for line in example.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_compose_file_follows_the_compose_specification() -> None:
    """The schema is the one that the specification publishes."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE / "compose.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert checked.returncode == 0, checked.stdout


def test_every_image_is_pinned_and_every_secret_has_a_file_with_an_example() -> None:
    """A compose file that says `latest` is another one tomorrow."""
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        assert re.search(r":v?\d[\w.-]*$", service["image"]), name
        files = service.get("env_file", [])
        for file in [files] if isinstance(files, str) else files:
            assert (COMPOSE / f"{file}.example").exists(), name


@pytest.mark.parametrize("example", sorted(COMPOSE.glob("*.example")), ids=lambda path: path.name)
def test_no_example_holds_a_secret(example: Path) -> None:
    """Whoever forgets to fill one in finds out at once, and nobody runs with a password from a repository."""
    for name, value in _variables(example).items():
        if re.search(r"TOKEN|PASSWORD|SECRET|PEPPER", name) and not name.endswith("_FILE"):
            assert value == "", name


def test_berth_reads_every_variable_of_its_example() -> None:
    """Filled in, the example is a configuration that Berth starts with."""
    filled = {name: value or "x" * 32 for name, value in _variables(COMPOSE / "berth.env.example").items()}
    assert unknown_variables(filled) == []
    assert Settings.read({**filled, "BERTH_HOST": "0.0.0.0"}).netbox_allow_http


def test_every_file_that_is_mounted_is_there() -> None:
    """A mount of what is missing makes an empty folder of that name, and nobody says a word."""
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert len(files) > 5
    for file in files:
        assert (COMPOSE / file).is_file(), file


def test_the_administrators_token_is_with_two_services_that_end() -> None:
    """The running Berth has a token with the least rights only."""
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    holders = [name for name, service in services.items() if "handover:" in str(service.get("volumes"))]
    assert sorted(holders) == ["admin-token", "bootstrap"]
    assert {services[name]["restart"] for name in holders} == {"no"}
    condition = services["berth"]["depends_on"]["bootstrap"]["condition"]
    assert condition == "service_completed_successfully"


def test_the_image_is_told_where_to_listen_and_where_to_write() -> None:
    """Berth itself listens on loopback, which nobody outside of a container could reach."""
    named = dict(re.findall(r"\b(BERTH_[A-Z_]+)=(\S+)", DOCKERFILE))
    assert named == {"BERTH_HOST": "0.0.0.0", "BERTH_PORT": "8000", "BERTH_STATE_DIR": "/var/lib/berth"}
    assert set(named) <= {variable(field) for field in Settings.model_fields}


def test_the_image_runs_without_root_from_the_lock_on_glibc() -> None:
    """infisical-python has no wheel for musl, nor for a newer Python than 3.12."""
    assert "python:3.12-slim" in DOCKERFILE
    assert "uv sync --locked --no-dev" in DOCKERFILE
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1] == "10001:10001"
    assert 'ENTRYPOINT ["berth"]' in DOCKERFILE
