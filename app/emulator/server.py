"""Serving the emulator with uvicorn, on loopback only: in this process or, for tests, on a thread."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.emulator.application import Emulator

LOOPBACK = "127.0.0.1"


def check_loopback(host: str) -> None:
    """Refuse to be reachable from elsewhere: whoever knows the token may do everything.

    Raises:
        ValueError: for an address that is not a loopback address.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the emulator serves loopback addresses only, not {host}")


def configuration(app: Emulator, host: str = LOOPBACK, port: int = 0) -> uvicorn.Config:
    """Return how the emulator is served."""
    check_loopback(host)
    return uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, server_header=False, ws="none"
    )


@contextmanager
def running(app: Emulator, port: int = 0) -> Iterator[str]:
    """Serve the emulator on a thread while the block runs; yields its base URL.

    Port 0 takes any free one. The same emulator may be served again afterwards: its state stays.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(2048)
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=_serve, args=(server, listener), name="emulator", daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
