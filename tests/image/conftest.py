"""The image, built for real, and containers of it."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tools import ROOT, run, tool

IMAGE = "localhost/berth:tested"
WITHOUT_SYSTEMD = ("--cgroup-manager", "cgroupfs", "--runtime", "runc")
"""As it works inside of a container or a small virtual machine, too."""


@dataclass(frozen=True)
class Container:
    """A running container."""

    name: str
    port: int

    def podman(self, *words: str) -> str:
        """Run podman."""
        return run("podman", *WITHOUT_SYSTEMD, *words)

    def inside(self, *command: str) -> str:
        """What a command says inside; it has to succeed."""
        return self.podman("exec", self.name, *command)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Call Berth."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": "Bearer demo"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def wait(self, seconds: float = 40) -> None:
        """Until it answers."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                self.ask("/healthz")
            except OSError:
                time.sleep(0.1)
            else:
                return
        pytest.fail(f"it does not answer: {self.podman('logs', self.name)}")


@pytest.fixture(scope="session")
def base() -> str:
    """What stands in for python:3.12-slim, and needs no registry."""
    for name in ("buildah", "podman", "debootstrap", "runc"):
        tool(name, f"apt-get install --no-install-recommends {name}")
    return run(str(ROOT / "tools" / "image-base"), seconds=280).splitlines()[-1]


@pytest.fixture(scope="session")
def image(base: str) -> str:
    """Berth's image: built as the Dockerfile says; the one of the last run is removed."""
    before = run("podman", "images", "--quiet", IMAGE).split()
    trusted = "/etc/ssl/certs:/etc/ssl/certs:ro"
    words = (
        f"bud --isolation chroot --format docker --quiet --build-arg PYTHON={base} --build-arg REVISION=abc"
    )
    run("buildah", *words.split(), "--volume", trusted, "--tag", IMAGE, ".", seconds=280)
    if before and before != run("podman", "images", "--quiet", IMAGE).split():
        run("podman", "rmi", "--force", *before)
    return IMAGE


@pytest.fixture(scope="session")
def details(image: str) -> dict[str, Any]:
    """What the image says about itself."""
    [found] = json.loads(run("podman", "inspect", image))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def start(image: str) -> Iterator[Callable[..., Container]]:
    """Starts containers as tightly closed as an operator can close them; they are removed at the end."""
    started: list[Container] = []

    def make(*command: str) -> Container:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            container = Container(f"berth-{uuid.uuid4().hex[:8]}", probe.getsockname()[1])
        closed = "--read-only --cap-drop=all --security-opt no-new-privileges --tmpfs /tmp --network host"
        limits = "--ulimit nofile=1024:1024 --ulimit nproc=1024:1024"
        where = ["--detach", "--name", container.name, "--env", f"BERTH_PORT={container.port}"]
        started.append(container)
        words = [word.replace("PORT", str(container.port)) for word in command]
        container.podman("run", *where, *closed.split(), *limits.split(), image, *words)
        return container

    yield make
    for each in started:
        each.podman("rm", "--force", "--time", "1", each.name)
