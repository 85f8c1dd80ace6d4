"""The processes of a run: an emulator, and a Berth that is killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import requests

from tests.end_to_end.program import environment, free_port

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


@dataclass
class Mortal:
    """A Berth that can be killed and started again at once."""

    folder: Path
    variables: dict[str, str]
    port: int = field(default_factory=free_port)
    pid: int = 0
    starts: int = 0

    def __enter__(self) -> Self:
        with (self.folder / "berth.log").open("ab") as log:
            self._zygote = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.zygote"],
                env=environment({**SETTINGS, **self.variables, "BERTH_PORT": str(self.port)}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._read().startswith("ready"), "Berth cannot be imported"
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.pid:
            self.end(signal.SIGKILL)
        self._zygote.communicate()

    @property
    def url(self) -> str:
        """Where it listens when it runs."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; it does not answer yet."""
        assert self._zygote.stdin is not None
        self._zygote.stdin.write("start\n")
        self._zygote.stdin.flush()
        self.pid = int(self._read())
        self.starts += 1

    def end(self, how: signal.Signals) -> int:
        """Send it a signal, wait until it is gone, and return its exit code."""
        os.kill(self.pid, how)
        status = int(self._read())
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return requests.get(f"{self.url}/healthz", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def _read(self) -> str:
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline()
