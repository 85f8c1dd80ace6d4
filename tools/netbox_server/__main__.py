"""The command line: `tools/netbox-server COMMAND`."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import time

from . import application, places, processes, stores
from .installation import install, make_folder, restore, say
from .places import ServerError

COMMANDS = ["install", "start", "stop", "reset", "status", "env", "logs"]
HELP = """\
install  put NetBox and a migrated database into the cache (minutes, once)
start    start a fresh NetBox: only the first user, nothing else in it
stop     stop exactly what `start` started, and remove its data
reset    stop, and start afresh on the same port
status   what is running (exit status 1 if not all of it is)
env      print the shell variables that the tests read
logs     the end of each log

Variables: BERTH_CACHE (the cache; default ~/.cache/berth), BERTH_NETBOX_PORT (default: a free one),
BERTH_NETBOX_INSTANCE (a name, to run a second server beside the first).
"""


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        prog="tools/netbox-server", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args().command
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, which stops what was started
    try:
        return {
            "install": install, "start": start, "stop": stop, "reset": reset,
            "status": status, "env": env, "logs": logs,
        }[command]() or 0  # fmt: skip
    except ServerError as error:
        say(f"netbox-server: {error}")
        return 1


def start(port: int | None = None) -> None:
    """Start a fresh server, unless one runs."""
    if _is_up():
        say(f"already running at {_url()}")
        return
    install()
    stop()
    began = time.monotonic()
    try:
        _start(port or int(os.environ.get("BERTH_NETBOX_PORT") or application.free_port()))
    except BaseException:
        stop(remove=False)
        raise
    say(f"NetBox {places.VERSION} at {_url()}, started in {time.monotonic() - began:.1f} s")


def stop(*, remove: bool = True) -> None:
    """Stop what runs, the database last, and remove its data."""
    for service in reversed(_services()):
        service.stop()
    if remove:
        shutil.rmtree(places.running(), ignore_errors=True)


def reset() -> None:
    """A fresh database, at the same place."""
    port = _port()
    stop()
    start(port)


def status() -> int:
    """Say what runs."""
    pids = {service.name: service.pid() for service in _services()}
    for name, pid in pids.items():
        print(f"{name:9} {f'running, pid {pid}' if pid else 'stopped'}")
    up = all(pids.values()) and application.answers(_url())
    print(f"{'answers':9} {_url() if up else 'no'}")
    return 0 if up else 1


def env() -> None:
    """Print what the tests read from their environment."""
    if not _is_up():
        raise ServerError("not running: `tools/netbox-server start` first")
    for name, value in {
        "URL": _url(),
        "TOKEN": application.TOKEN_V1,
        "TOKEN_V2": application.TOKEN_V2,
        "PSQL": stores.dsn(places.running()),
        "RUN": str(places.running()),
    }.items():
        print(f"export BERTH_TEST_NETBOX_{name}={shlex.quote(value)}")


def logs() -> None:
    """Show the end of each log."""
    for log in sorted((places.running() / "logs").glob("*.log")):
        print(f"== {log.name}\n{processes.tail(log)}")


def _start(port: int) -> None:
    """Lay out the folder and start the three processes in it."""
    folder = places.running()
    make_folder(folder)
    (folder / "port").write_text(str(port))
    application.configure(folder)
    restore(folder)
    stores.start_postgres(folder)
    stores.start_redis(folder)
    application.start_gunicorn(folder, port)


def _services() -> list[processes.Service]:
    """What makes up a running server, in the order of starting."""
    folder = places.running()
    return [stores.postgres(folder), stores.redis(folder), application.gunicorn(folder)]


def _is_up() -> bool:
    """Whether all of it runs and answers."""
    return all(service.pid() for service in _services()) and application.answers(_url())


def _port() -> int | None:
    """The port of the server that was started last."""
    file = places.running() / "port"
    return int(file.read_text()) if file.exists() else None


def _url() -> str:
    """Where NetBox answers."""
    return f"http://127.0.0.1:{_port()}"


if __name__ == "__main__":
    sys.exit(main())
