"""A PostgreSQL of the tests' own, on a Unix socket, with a database for each test that wants one."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tools.netbox_server import processes, stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(slots=True)
class Cluster:
    """The server. Its superuser is called `netbox`, as that of a real NetBox which these tools start."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def new(self, options: str = "") -> str:
        """Make an empty database; how a client reaches it."""
        name = f"berth_{next(self._numbers)}"
        self.run(stores.dsn(self.folder, "postgres"), f"CREATE DATABASE {name} {options}")
        return stores.dsn(self.folder, name)

    @contextmanager
    def lending(self) -> Iterator[Callable[[str], str]]:
        """Make databases as `new` does, and drop them in the end."""
        made: list[str] = []

        def lend(options: str = "") -> str:
            made.append(self.new(options))
            return made[-1]

        yield lend
        names = [url.partition("@/")[2].partition("?")[0] for url in made]
        self.run(
            stores.dsn(self.folder, "postgres"), *(f"DROP DATABASE {name} WITH (FORCE)" for name in names)
        )

    def run(self, url: str, *statements: str) -> None:
        """Change a database with SQL, as an administrator does."""
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def ask(self, url: str, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        sockets = stores.socket_folder(self.folder)
        options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}")
        argv = [stores.program("postgres"), "-D", str(stores.data_folder(self.folder)), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the program that was found
                argv, stdout=log, stderr=log, cwd="/", user=processes.unprivileged(), env={"LANG": "C.UTF-8"}
            )
        assert processes.wait_until(self._answers, 30), (self.folder / "log").read_text()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server, which ends everybody's session; SIGQUIT is a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(stores.dsn(self.folder, "postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running() -> Iterator[Cluster]:
    """Start one with nothing in it, and take all of it away in the end."""
    folder = Path(tempfile.mkdtemp(prefix="berth-postgres-", dir="/var/tmp"))
    folder.chmod(0o755)  # PostgreSQL does not run as root, and has to get in
    sockets = stores.socket_folder(folder)
    sockets.mkdir(mode=0o700)
    user = processes.unprivileged()
    if user is not None:
        shutil.chown(sockets, user, user)
    cluster = Cluster(folder)
    try:
        stores.make_cluster(folder)
        cluster.start()
        yield cluster
    finally:
        cluster.stop(signal.SIGQUIT)
        shutil.rmtree(folder)
