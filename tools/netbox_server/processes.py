"""Start a process that outlives this one, know it again later, and stop it and nothing else."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .places import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

START_SECONDS = 90.0
GRACE_SECONDS = 15.0


def environment(**extra: str) -> dict[str, str]:
    """What a child gets to see: no more than it needs, so that a developer's settings change nothing."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", **extra}


def unprivileged() -> str | None:
    """The user that PostgreSQL runs as when we are root, which it refuses to be."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerError("PostgreSQL does not run as root, and there is no user `postgres` to run it as")


def run(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    stdin: Path | None = None,
) -> None:
    """Run a command to its end; its output goes to the log, whose end is shown when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    common: dict[str, Any] = {"cwd": "/", "env": env or environment(), "check": False, **_as_user(user)}
    with log.open("ab") as output, (stdin or Path(os.devnull)).open("rb") as source:
        done = subprocess.run(argv, stdin=source, stdout=output, stderr=subprocess.STDOUT, **common)  # noqa: PLW1510, S603
    if done.returncode:
        raise ServerError(f"{' '.join(argv[:3])} … failed ({done.returncode}):\n{tail(log)}")


def tail(log: Path, lines: int = 25) -> str:
    """The end of a log."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


@dataclass(frozen=True)
class Service:
    """A server process, and the signal that makes it stop in good order."""

    name: str
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Where its process id is kept, with the moment the process began."""
        return self.folder / "pids" / f"{self.name}.pid"

    def start(
        self,
        argv: Sequence[str],
        is_ready: Callable[[], bool],
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """Start it and wait until it answers."""
        process = self._spawn(argv, env or environment(), user)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.write_text(f"{process.pid} {_began(process.pid)}\n")
        wait_until(lambda: process.poll() is not None or is_ready(), START_SECONDS)
        if process.poll() is not None or not is_ready():
            raise ServerError(f"{self.name} did not start:\n{tail(self.log)}")

    def _spawn(
        self, argv: Sequence[str], env: Mapping[str, str], user: str | None
    ) -> subprocess.Popen[bytes]:
        """Start the process, detached from this one."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 # as above
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=env,
                start_new_session=True,
                **_as_user(user),
            )

    def pid(self) -> int | None:
        """Its process id, if the process that was started is still there."""
        try:
            pid, began = self.pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _began(int(pid)) == began else None

    def stop(self) -> None:
        """Stop it; what does not go in good order is killed with all its children."""
        for signum in (self.stop_signal, signal.SIGKILL):
            pid = self.pid()
            if pid is not None:
                send = os.killpg if signum == signal.SIGKILL else os.kill
                with suppress(ProcessLookupError):  # gone in between
                    send(pid, signum)
                wait_until(lambda: self.pid() is None, GRACE_SECONDS)
        self.pid_file.unlink(missing_ok=True)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether this became true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _as_user(user: str | None) -> dict[str, Any]:
    """The arguments that make a child run as somebody else."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _began(pid: int) -> str | None:
    """When a process began, in the kernel's ticks: tells it from a later one with the same id."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else rest[18]
