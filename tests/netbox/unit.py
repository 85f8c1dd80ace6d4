"""Stands in for the systemctl of a machine without systemd: `unit.py FOLDER enable --now berth` and the like.

It reads the unit as systemd would, as far as the program can tell: environment file, credentials, state
folder, command. The sandbox is systemd's own, and is looked at elsewhere.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path


def settings(unit: Path, word: str) -> list[str]:
    """Every value of a setting of the unit."""
    return re.findall(rf"^{word}=(.+)$", unit.read_text(), re.MULTILINE)


def start(folder: Path, name: str) -> None:
    """Start the service, and write down its process."""
    [unit] = folder.rglob(f"{name}.service")
    state, credentials = folder / "state", folder / "credentials"
    state.mkdir(mode=0o700, exist_ok=True)
    credentials.mkdir(mode=0o700)
    environ = {"PATH": os.environ["PATH"]}
    for line in settings(unit, "Environment"):
        words = shlex.split(line.replace("%d", str(credentials)).replace("%S/berth", str(state)))
        environ |= dict(word.split("=", 1) for word in words)
    for file in settings(unit, "EnvironmentFile"):
        lines = [line for line in Path(file).read_text().splitlines() if line and line[0] != "#"]
        environ |= dict(line.split("=", 1) for line in lines)
    for credential in settings(unit, "LoadCredential"):
        known, _, source = credential.partition(":")
        shutil.copy(source, credentials / known)
    [command] = settings(unit, "ExecStart")
    log = (folder / "log").open("wb")
    process = subprocess.Popen(shlex.split(command), env=environ, cwd=folder, stdout=log, stderr=log)  # noqa: S603
    (folder / "pid").write_text(str(process.pid))


if __name__ == "__main__":
    if sys.argv[2:4] == ["enable", "--now"]:
        start(Path(sys.argv[1]), sys.argv[4])
