"""Where things are: what is kept between runs (the cache), and what one running server needs."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

VERSION = "4.7.3"
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"


class ServerError(Exception):
    """What went wrong, in words for the person at the keyboard."""


def cache() -> Path:
    """The folder that is kept between runs: the installed NetBox and its migrated database."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("BERTH_CACHE") or home / "berth") / f"netbox-{VERSION}"


def venv() -> Path:
    """The virtual environment that holds NetBox."""
    return cache() / "venv"


def running(instance: str | None = None) -> Path:
    """The folder of one running server.

    It is outside the home folder, because PostgreSQL does not run as root and root's home is closed to
    everyone else; and not below the cache, so that the path of a Unix socket stays short enough.
    """
    name = os.environ.get("BERTH_NETBOX_INSTANCE", "") if instance is None else instance
    return Path("/var/tmp") / "-".join(filter(None, ["berth-netbox", str(os.getuid()), name]))  # noqa: S108


def fingerprint(*parts: str) -> str:
    """A short name for exactly this content, so that a cache made from other content is not used."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def python() -> str:
    """A Python that NetBox runs on."""
    newer = (shutil.which(f"python3.{minor}") for minor in (12, 13, 14))
    found = sys.executable if sys.version_info >= (3, 12) else next(filter(None, newer), None)
    if not found:
        raise ServerError(f"NetBox {VERSION} needs Python 3.12 or newer, and there is none on this machine")
    return found


def uv() -> str:
    """The uv that installs NetBox."""
    local = REPOSITORY / ".tools" / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(local) if local.exists() else None)
    if not found:
        raise ServerError("uv is neither on the PATH nor in .tools/: run `make setup` first")
    return found
