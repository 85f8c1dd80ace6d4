"""The processes of a benchmark: started, waited for, measured from outside, and stopped by their id."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from .spec import Outcome, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
_PATIENCE: Final = 60.0
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BERTH_TOKEN: Final = "made-up-for-the-benchmark"  # noqa: S105 - of a server on loopback that lives for minutes
_SERVE: Final = (
    "import os; from app.main import serve; from app.settings import Settings; "
    "serve(Settings.read(os.environ), os.environ)"
)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Server:
    """A process that serves HTTP. `seconds` is what it took to answer its probe."""

    command: list[str]
    variables: Mapping[str, str]
    folder: Path
    probe: str
    port: int = field(default_factory=free_port)
    seconds: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        if self.process is None:
            raise RuntimeError("it was not started")
        return self.process.pid

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                self.command, env=_environment(self.variables), stdout=log, stderr=log, cwd=ROOT
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        self.seconds = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(_PATIENCE)

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        while not _answers(f"{self.url}{self.probe}"):
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > until:
                raise RuntimeError(f"it does not answer:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)


def berth(folder: Path, netbox: str, token: str, **settings: str) -> Server:
    """Berth with the settings that it has when none are set, but for these (`BERTH_…` in small letters)."""
    server = Server([sys.executable, "-c", _SERVE], {}, folder, "/readyz")
    server.variables = {
        "NETBOX_URL": netbox,
        "NETBOX_API_TOKEN": token,
        "BERTH_TOKEN": BERTH_TOKEN,
        "BERTH_PORT": str(server.port),
        "BERTH_STATE_DIR": str(folder / "state"),
        **{f"BERTH_{name.upper()}": value for name, value in settings.items()},
    }
    return server


def cold(folder: Path, netbox: str, token: str) -> Server:
    """Berth without memory of prefixes: every request meets a cache that is empty."""
    return berth(folder, netbox, token, netbox_cache_seconds="0")


def instant(folder: Path) -> Server:
    """An upstream that allocates without doing any work."""
    return _upstream(folder, "tools.bench.instant")


def emulator(folder: Path) -> Server:
    """The embedded NetBox."""
    return _upstream(folder, "app.emulator")


def _upstream(folder: Path, module: str) -> Server:
    server = Server([sys.executable, "-m", module], {}, folder, "/api/")
    server.command += ["--port", str(server.port)]
    return server


def bootstrap(netbox: str, token: str) -> None:
    """Give NetBox the claim fields, with Berth's own command."""
    command = [sys.executable, "-m", "app", "bootstrap", "--token-stdin"]
    variables = _environment({"NETBOX_URL": netbox})
    quiet = subprocess.DEVNULL
    subprocess.run(command, env=variables, input=token, text=True, check=True, cwd=ROOT, stdout=quiet)  # noqa: S603


class Load:
    """A load under way in a process of its own."""

    def __init__(self, spec: Spec) -> None:
        command = [sys.executable, "-m", "tools.bench.load"]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        if self._process.stdin is not None:
            self._process.stdin.write(spec.dump())
            self._process.stdin.close()
            self._process.stdin = None

    def outcome(self) -> Outcome:
        """Wait for its end."""
        out, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError("the process that makes the load has failed; see above")
        return Outcome.load(out)


def cpu_seconds(pid: int) -> float:
    """What a process and its children that ended have computed (proc(5), fields 14 to 17).

    Nothing if it has ended itself: then its parent counts it.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """What all programs on this machine have computed (proc(5): all but idle and iowait)."""
    user, nice, system, _idle, _iowait, *rest = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    return sum(map(int, (user, nice, system, *rest))) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and everything that it started and that still runs."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process now and at its most, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    now, most = (re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE) for name in ("VmRSS", "VmHWM"))
    return (int(now[1]) / 1024 if now else 0.0, int(most[1]) / 1024 if most else 0.0)


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=5) as answer:
            return bool(answer.status < 500)  # noqa: PLR2004 - whatever is no failure
    except urllib.error.HTTPError as error:
        return error.code < 500  # noqa: PLR2004 - as above
    except OSError:
        return False


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """These variables and the few that any process needs: nothing of the caller's own gets in."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **variables}
