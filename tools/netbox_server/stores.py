"""The two stores NetBox needs, on Unix sockets only: a PostgreSQL cluster and a Redis, both our own."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import processes
from .places import ServerError
from .processes import Service

# Faster by far, and unsafe when the machine dies. Only for making the database that is then kept.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def socket_folder(folder: Path) -> Path:
    """Where PostgreSQL listens; nobody else may enter, which is all the authentication there is."""
    return folder / "postgres"


def data_folder(folder: Path) -> Path:
    """Where the database is."""
    return socket_folder(folder) / "data"


def redis_socket(folder: Path) -> Path:
    """Where Redis listens."""
    return folder / "redis" / "redis.sock"


def program(name: str) -> str:
    """A program of the PostgreSQL server; Debian keeps them off the PATH, one folder for each release."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which(name)
    if not found:
        raise ServerError(f"PostgreSQL's `{name}` is missing: apt-get install postgresql")
    return found


def major() -> str:
    """PostgreSQL's major version, which decides whether a kept database can be used."""
    said = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    found = re.search(r"\d+", said.stdout)
    if not found:
        raise ServerError(f"cannot tell PostgreSQL's version from {said.stdout!r}")
    return found[0]


def postgres(folder: Path) -> Service:
    """The database server; interrupted, it ends its clients' sessions and stops."""
    return Service("postgres", folder, signal.SIGINT)


def start_postgres(folder: Path, **settings: str) -> None:
    """Start the database server, with its own defaults but for where it listens."""
    wanted = {"listen_addresses": "", "unix_socket_directories": str(socket_folder(folder)), **settings}
    options = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
    argv = [program("postgres"), "-D", str(data_folder(folder)), *options]
    postgres(folder).start(argv, lambda: _answers(folder), user=processes.unprivileged())


def redis(folder: Path) -> Service:
    """The cache and queue server."""
    return Service("redis", folder)


def start_redis(folder: Path) -> None:
    """Start Redis, which keeps nothing on disk."""
    found = shutil.which("redis-server")
    if not found:
        raise ServerError("`redis-server` is missing: apt-get install redis-server")
    words = f"--port 0 --unixsocket {redis_socket(folder)} --unixsocketperm 700 --loglevel warning"
    redis(folder).start(
        [found, *words.split(), "--appendonly", "no", "--save", ""], redis_socket(folder).exists
    )


def make_cluster(folder: Path) -> None:
    """Make an empty PostgreSQL cluster."""
    words = "--username=netbox --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync --pgdata"
    argv = [program("initdb"), *words.split(), str(data_folder(folder))]
    processes.run(argv, log=folder / "logs" / "initdb.log", user=processes.unprivileged())


def sql(folder: Path, statement: str, database: str = "postgres") -> None:
    """Have the database do something."""
    argv = [program("psql"), "--no-psqlrc", "--quiet", "--command", statement, dsn(folder, database)]
    processes.run(argv, log=folder / "logs" / "psql.log", user=processes.unprivileged())


def dsn(folder: Path, database: str = "netbox") -> str:
    """How a client reaches the database."""
    return f"postgresql://netbox@/{database}?host={socket_folder(folder)}"


def _answers(folder: Path) -> bool:
    """Whether the database takes connections."""
    argv = [program("pg_isready"), "--quiet", "--timeout=2", f"--dbname={dsn(folder)}"]
    return subprocess.run(argv, check=False).returncode == 0  # noqa: S603
