"""Two services of the compose file, run as it says but for the network: `bootstrap` first, then Berth."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.emulator import SEED_TOKEN, create_app, running
from tests.end_to_end.program import free_port
from tests.image.conftest import Container
from tests.tools import ROOT

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]
COMPOSE = ROOT / "deploy" / "compose"
SERVICES = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
WORDS = {"read_only": "--read-only", "cap_drop": "--cap-drop", "cap_add": "--cap-add", "tmpfs": "--tmpfs"}
WORDS |= {"security_opt": "--security-opt", "user": "--user", "volumes": "--volume"}


@pytest.fixture
def netbox() -> Iterator[str]:
    """A NetBox that knows nothing of Berth."""
    with running(create_app(seed=True)) as url:
        yield url


@pytest.fixture
def start(image: str, tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Starts a service; its volumes are folders, and new ones belong to root."""
    started: list[Container] = []

    def make(service: str, *variables: str) -> Container:
        container = Container(f"berth-{uuid.uuid4().hex[:8]}", free_port())
        words = ["run", "--name", container.name, "--network", "host"]
        words += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        for variable in (*variables, f"BERTH_PORT={container.port}", f"BERTH_METRICS_PORT={free_port()}"):
            words += ["--env", variable]
        described: dict[str, Any] = SERVICES[service]
        for word, option in WORDS.items():
            values = described.get(word, [])
            if word == "read_only":
                words += [option] * bool(values)
                continue
            for value in [values] if isinstance(values, str) else values:
                words += [option, _here(value, tmp_path) if word == "volumes" else value]
        if "entrypoint" in described:
            words += ["--entrypoint", described["entrypoint"][0]]
        command = [*described.get("entrypoint", [])[1:], *described.get("command", [])]
        started.append(container)
        container.podman(*words, *(["--detach"] if service == "berth" else []), image, *command)
        return container

    yield make
    for each in started:
        each.podman("rm", "--force", "--time", "1", each.name)


def _here(volume: str, folder: Path) -> str:
    """A mount of the compose file: a file beside it, or a named volume, which is a folder here."""
    source, rest = volume.split(":", 1)
    if source.startswith("."):
        return f"{COMPOSE / source}:{rest}"
    (folder / source).mkdir(exist_ok=True)
    if source == "berth":  # the image's own volume: its owner is the image's
        shutil.chown(folder / source, 10001, 10001)
    return f"{folder / source}:{rest}"


def test_bootstrap_makes_the_token_that_berth_then_works_with(
    start: Callable[..., Container], netbox: str, tmp_path: Path
) -> None:
    """An administrator's token goes in and is removed; one with the least rights comes out, for Berth."""
    handover = tmp_path / "handover"
    handover.mkdir()
    (handover / "admin-token").write_text(f"{SEED_TOKEN}\n")
    variables = (f"NETBOX_URL={netbox}", "BERTH_POLICY_FILE=/etc/berth/policy.yaml")
    start("bootstrap", *variables)
    assert not (handover / "admin-token").exists()
    token = tmp_path / "secrets" / "netbox-token"
    assert (token.stat().st_uid, token.stat().st_mode & 0o777) == (10001, 0o600)
    assert SEED_TOKEN not in token.read_text()
    secret = "NETBOX_API_TOKEN_FILE=/run/secrets/berth/netbox-token"
    berth = start("berth", *variables, secret, "BERTH_TOKEN=demo", "BERTH_HOST=127.0.0.1")
    berth.wait()
    answer = berth.ask("/api/v1/allocations", {"prefix": "192.168.3.0/24", "dns_name": "web-01.example.com"})
    assert (answer["address"], answer["gateway"]) == ("192.168.3.2/24", "192.168.3.1")
