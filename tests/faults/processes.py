"""The processes of a run: an emulator, and a Berth that is killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import requests

from tests.end_to_end.program import environment, free_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "BERTH_RECONCILE_SECONDS": "0.5",
    "BERTH_DOUBT_SECONDS": "4",
    "BERTH_REQUEST_SECONDS": "6",
    "BERTH_NETBOX_CALL_SECONDS": "2",
    "BERTH_NETBOX_BREAKER_SECONDS": "1",
    "BERTH_NETBOX_CACHE_SECONDS": "5",
}
"""Short enough that a run of minutes sees every deadline pass, many times."""


class Zygote:
    """Starts Berths that have been imported already."""

    def __init__(self, **variables: str) -> None:
        self._variables = variables

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            env=environment(self._variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read().startswith("ready"), "Berth cannot be imported"
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.communicate()

    def start(self, variables: dict[str, str]) -> int:
        """Start a Berth with these variables, and return its process id."""
        return int(self._ask(variables))

    def wait(self, pid: int) -> int:
        """Wait until it has ended, and return its exit code, negative for a signal."""
        return os.waitstatus_to_exitcode(int(self._ask(pid)))

    def _ask(self, order: object) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@dataclass
class Mortal:
    """A Berth that can be killed and started again at once. `variables` are added to the settings above."""

    zygote: Zygote
    folder: Path
    variables: dict[str, str]
    port: int = field(default_factory=free_port)
    pid: int = 0
    starts: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.pid:
            self.end(signal.SIGKILL)

    @property
    def url(self) -> str:
        """Where it listens when it runs."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.folder / f"berth-{self.port}.log"

    def start(self) -> None:
        """Start it; it does not answer yet."""
        own = {"BERTH_PORT": str(self.port), "LOG": str(self.log)}
        self.pid = self.zygote.start({**SETTINGS, **self.variables, **own})
        self.starts += 1

    def serve(self) -> None:
        """Start it, and wait until it answers."""
        self.start()
        wait_until(self.answers, "Berth serves")

    def send(self, how: signal.Signals) -> None:
        """Send it a signal that it outlives."""
        os.kill(self.pid, how)

    def end(self, how: signal.Signals) -> int:
        """Send it a signal, wait until it is gone, and return its exit code."""
        pid, self.pid = self.pid, 0
        os.kill(pid, how)
        return self.zygote.wait(pid)

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return requests.get(f"{self.url}/healthz", timeout=1).status_code == 200
        except requests.RequestException:
            return False
