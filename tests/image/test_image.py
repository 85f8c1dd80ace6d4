"""The image as operators run it: built, started, looked into, stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.image.conftest import Container
from tests.tools import run, tool

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]
DEMO = ("demo", "--port", "PORT", "--folder", "/var/lib/berth")
GRACE_SECONDS = 30


def test_the_dockerfile_is_lint_clean() -> None:
    """Every rule, none ignored."""
    assert run(tool("hadolint", "make setup"), "--no-color", "Dockerfile") == ""


def test_it_says_what_it_is_and_how_it_wants_to_be_run(details: dict[str, Any]) -> None:
    """User, volume, port, signal and labels are what orchestrators and scanners read."""
    config = details["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["berth"]
    assert config["Cmd"] == ["serve"]
    assert list(config["Volumes"]) == ["/var/lib/berth"]
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert config["StopSignal"] == "SIGTERM"
    labels = {name.rpartition(".")[2]: value for name, value in details["Labels"].items()}
    assert (labels["title"], labels["licenses"], labels["revision"]) == ("Berth", "Apache-2.0", "abc")
    assert details["Healthcheck"]["Test"] == ["CMD", "python", "/opt/berth/share/berth/healthcheck.py"]


def test_closed_as_tightly_as_can_be_it_serves_and_stops_in_time(start: Callable[..., Container]) -> None:
    """Read-only root, no capabilities; what it allocates is answered the same again."""
    berth = start(*DEMO)
    berth.wait()
    body = {"prefix": "192.168.3.0/24", "dns_name": "docker-03-registry.spaceships.work"}
    first = berth.ask("/api/v1/allocations", body)
    assert first["address"] == "192.168.3.2/24"
    assert berth.ask("/api/v1/allocations", body) == first
    berth.podman("healthcheck", "run", berth.name)
    began = time.monotonic()
    berth.podman("stop", "--time", str(GRACE_SECONDS), berth.name)
    assert time.monotonic() - began < GRACE_SECONDS - 5
    assert berth.podman("inspect", berth.name, "--format", "{{.State.ExitCode}}").split()[-1] == "0"


def test_nothing_in_it_can_build_or_install_or_be_written(start: Callable[..., Container]) -> None:
    """Who breaks in finds no compiler, no installer, no root and nothing to write but the volume."""
    berth = start(*DEMO)
    berth.wait()
    assert "uid=10001(berth) gid=10001(berth)" in berth.inside("id")
    for name in ("uv", "pip", "gcc", "make", "git", "curl"):
        assert berth.inside("sh", "-c", f"command -v {name} || echo none").strip() == "none", name
    listed = berth.inside("sh", "-c", "find / -xdev -writable ! -type l ! -type c 2>/dev/null || true")
    assert set(listed.split()) <= {"/tmp", "/var/tmp", "/var/lib/berth", "/run/lock"}  # noqa: S108 - inside
    assert "Read-only" in berth.inside("sh", "-c", "touch /opt/berth/x 2>&1 || true")


def test_its_bill_of_materials_names_every_package_that_is_in_it(start: Callable[..., Container]) -> None:
    """CycloneDX, as scanners read it; it comes from the lock file, and what is installed is compared."""
    berth = start(*DEMO)
    bill = json.loads(berth.inside("cat", "/opt/berth/share/berth/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    named = {(each["name"], each["version"]) for each in bill["components"]}
    code = (
        "import importlib.metadata as m;"
        'print(*(f\'{d.name.lower().replace("_", "-").replace(".", "-")} {d.version}\''
        " for d in m.distributions()), sep='\\n')"
    )
    installed = {tuple(line.split()) for line in berth.inside("python", "-c", code).splitlines()}
    assert {each for each in installed if each[0] != "berth-ipam"} <= named
    assert len(installed) > 30


def test_without_settings_it_says_which_are_missing(start: Callable[..., Container]) -> None:
    """The first mistake that everybody makes: it ends at once, in plain words."""
    berth = start()
    assert berth.podman("wait", berth.name).split()[-1] == "2"
    assert "NETBOX_URL is not set" in berth.podman("logs", berth.name)
