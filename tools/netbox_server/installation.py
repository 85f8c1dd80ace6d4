"""Install NetBox once, and migrate its database once: both are kept in the cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from . import application, places, processes, stores
from .places import ServerError, cache, venv

if TYPE_CHECKING:
    from pathlib import Path


def say(text: str) -> None:
    """Tell the person what is going on; the standard output is for what `env` prints."""
    print(text, file=sys.stderr, flush=True)


def install() -> None:
    """Put NetBox and a migrated database into the cache, unless they are there."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second one waits here for the first one's work
        _install_packages()
        _make_database()


def kept_database() -> Path:
    """The migrated database: PostgreSQL's data folder, as it is after a clean stop."""
    made_from = (places.REQUIREMENTS.read_text(), application.FIRST_USER, application.PEPPER)
    return cache() / f"database-pg{stores.major()}-{places.fingerprint(*made_from)}.tar.gz"


def restore(folder: Path) -> None:
    """Lay a fresh copy of the migrated database into this folder."""
    argv = ["tar", "-xz", "-C", str(stores.socket_folder(folder))]
    log = folder / "logs" / "restore.log"
    processes.run(argv, log=log, user=processes.unprivileged(), stdin=kept_database())


def make_folder(folder: Path) -> None:
    """Make the folder of a server; what is below /var/tmp may be somebody else's, who is refused."""
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ServerError(f"{folder} belongs to somebody else")
    folder.chmod(0o755)
    for part in ("postgres", "redis"):
        (folder / part).mkdir(mode=0o700, exist_ok=True)
    shutil.chown(folder / "postgres", user=processes.unprivileged() or os.getuid())


def _install_packages() -> None:
    """Install NetBox at exactly the versions that are written down."""
    wanted = f"{places.fingerprint(places.REQUIREMENTS.read_text())} {places.python()}"
    done = venv() / "complete"
    if done.exists() and done.read_text() == wanted:
        return
    say(f"installing NetBox {places.VERSION} into {venv()}")
    log = cache() / "install.log"
    log.unlink(missing_ok=True)
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}  # with the person's own proxy and certificates
    processes.run(
        [places.uv(), "venv", "--clear", "--python", places.python(), str(venv())], log=log, env=env
    )
    argv = [places.uv(), "pip", "install", "--python", str(venv() / "bin" / "python")]
    processes.run([*argv, "--requirement", str(places.REQUIREMENTS)], log=log, env=env)
    done.write_text(wanted)


def _make_database() -> None:
    """Migrate an empty database and keep it; takes minutes, nearly all of them NetBox's own Python."""
    kept = kept_database()
    if kept.exists():
        return
    say(f"migrating an empty database to NetBox {places.VERSION}: six to fifteen minutes, once")
    began = time.monotonic()
    folder = places.running(f"build-{places.fingerprint(str(cache()))}")
    _clear(folder)  # of one that was killed half-way
    make_folder(folder)
    try:
        _start_empty(folder)
        _migrate(folder)
        _stop(folder)
        _keep(folder, kept)
    finally:
        _clear(folder)
    say(f"migrated in {time.monotonic() - began:.0f} s")


def _start_empty(folder: Path) -> None:
    """Start the two stores, with an empty database."""
    stores.make_cluster(folder)
    stores.start_postgres(folder, **stores.UNSAFE)
    stores.start_redis(folder)
    stores.sql(folder, "CREATE DATABASE netbox")


def _stop(folder: Path) -> None:
    """Stop the two stores."""
    stores.redis(folder).stop()
    stores.postgres(folder).stop()


def _clear(folder: Path) -> None:
    """Remove a server's folder, and what may still run in it."""
    _stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _migrate(folder: Path) -> None:
    """Bring the empty database to NetBox's schema, and add the first user."""
    application.configure(folder, application.RARE_COLLECTION)
    netbox, log = str(venv() / "bin" / "netbox"), cache() / "migrate.log"
    log.unlink(missing_ok=True)
    env = application.settings(folder)
    processes.run([netbox, "migrate", "--no-input"], log=log, env=env)
    processes.run([netbox, "shell", "--command", application.FIRST_USER], log=log, env=env)
    stores.sql(folder, "VACUUM (FREEZE, ANALYZE)", "netbox")


def _keep(folder: Path, kept: Path) -> None:
    """Put the database into the cache, in one step, so that half of one is never there."""
    part = kept.with_suffix(".part")
    argv = ["tar", "-czf", str(part), "-C", str(stores.socket_folder(folder)), "data"]
    processes.run(argv, log=cache() / "keep.log")
    part.replace(kept)
