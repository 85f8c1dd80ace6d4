"""Berth as a program: started with an environment, spoken to over HTTP, stopped by a signal."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BERTH = str(Path(sys.executable).with_name("berth"))
PATIENCE = 60.0
"""Seconds that a process may take to start, to answer, or to end."""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s still not: {what}")
        time.sleep(0.02)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return these variables and the few that any process needs: nothing of the tester's own gets in."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **variables}


@dataclass
class Program:
    """A process that serves HTTP on a port of its own."""

    command: list[str]
    variables: dict[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self, probe: str = "/healthz") -> None:
        """Start it and wait until it answers; what it writes goes to a file in its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - Berth or the emulator
                self.command,
                env=environment(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: self._answers(probe), f"{self.command[0]} answers on {self.url}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def stop_if_running(self) -> None:
        """Leave no process behind, whatever state a test left it in."""
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGKILL)

    def log(self) -> str:
        """Return what it has written."""
        return (self.folder / "log").read_text(errors="replace")

    def _answers(self, probe: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"it ended by itself:\n{self.log()}"
        try:
            return requests.get(f"{self.url}{probe}", timeout=5).status_code < 500
        except requests.ConnectionError:
            return False


def berth(folder: Path, netbox_url: str, netbox_token: str, **settings: str) -> Program:
    """Return a Berth that is not yet started; settings are `BERTH_…` variables in small letters."""
    program = Program([BERTH, "serve"], {}, folder)
    program.variables = {
        "NETBOX_URL": netbox_url,
        "NETBOX_API_TOKEN": netbox_token,
        "BERTH_PORT": str(program.port),
        "BERTH_STATE_DIR": str(folder / "state"),
        **{f"BERTH_{name.upper()}": value for name, value in settings.items()},
    }
    return program


def emulator(folder: Path, port: int | None = None) -> Program:
    """Return an embedded NetBox, not yet started, that keeps its data in the folder."""
    port = port or free_port()
    database = str(folder / "netbox.db")
    command = [sys.executable, "-m", "app.emulator", "--port", str(port), "--database", database]
    return Program(command, {}, folder, port)


def forget(program: Program) -> None:
    """Delete the state of a Berth that has stopped, as a lost disk would."""
    shutil.rmtree(program.folder / "state")


@dataclass(frozen=True)
class Desk:
    """A caller of Berth's API, with its token."""

    url: str
    token: str = ""

    def call(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Make one request as it stands: no redirect is followed, nothing is taken from the environment."""
        headers = {**self._authorization(), **options.pop("headers", {})}
        options.setdefault("timeout", PATIENCE)
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method, f"{self.url}{path}", headers=headers, allow_redirects=False, **options
            )

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def post(self, body: object, query: str = "", **headers: str) -> requests.Response:
        """POST an allocation."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", f"/api/v1/allocations{query}", json=body, headers=named)

    def put(self, key: str, body: object, query: str = "") -> requests.Response:
        """PUT an allocation."""
        return self.call("PUT", f"/api/v1/allocations/{key}{query}", json=body)

    def get(self, key: str, query: str = "", **headers: str) -> requests.Response:
        """GET an allocation."""
        return self.call("GET", f"/api/v1/allocations/{key}{query}", headers=headers)

    def delete(self, key: str, query: str = "") -> requests.Response:
        """DELETE an allocation."""
        return self.call("DELETE", f"/api/v1/allocations/{key}{query}")

    def confirm(self, key: str) -> requests.Response:
        """Confirm a held allocation."""
        return self.call("POST", f"/api/v1/allocations/{key}/confirm")

    def list(self, path: str, **query: str) -> requests.Response:
        """GET below `/api/v1/`."""
        return self.call("GET", f"/api/v1/{path}", params=query)

    def made(self, body: dict[str, Any], query: str = "") -> dict[str, Any]:
        """POST an allocation that has to succeed, and return it."""
        response = self.post(body, query)
        assert response.status_code == 200, response.text
        allocation: dict[str, Any] = response.json()
        return allocation


def refusal(response: requests.Response) -> tuple[int, str]:
    """Return the status and the code of a problem document, checking that it is one."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "code", "detail", "errors"}
    assert problem["status"] == response.status_code
    assert problem["type"] == f"/docs/errors#{problem['code']}"
    return response.status_code, problem["code"]
