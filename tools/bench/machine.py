"""What it was measured on, in words that name no host and no path."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from .processes import ROOT


def machine() -> dict[str, object]:
    """The hardware."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": cpu[1].strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 1024**2) if memory else None,
        "system": f"Linux {platform.release().split('-')[0]}",
    }


def versions() -> dict[str, str]:
    """The software that is always there."""
    return {
        "Berth": version("berth-ipam"),
        "commit": _commit(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "pynetbox": version("pynetbox"),
    }


def moment() -> dict[str, object]:
    """When, and how busy the machine was: the one-minute load average."""
    return {"at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "load": round(os.getloadavg()[0], 2)}


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE)  # noqa: S603
    return done.stdout.strip() or "unknown"
