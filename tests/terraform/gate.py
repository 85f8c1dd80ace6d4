"""A gate on the way to a server: bytes pass as they are, or nothing does."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65_536


class Gate:
    """Listens on a port of its own and passes on to a server, unless it is shut: then it hangs up at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.refused = 0
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.shut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def shut(self) -> None:
        """Cut what goes through, and let nothing in."""
        self._open.clear()
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def open(self) -> None:
        """Let everything pass again."""
        self._open.set()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            if not self._open.is_set():
                self.refused += 1
                inner.close()
                continue
            self._pass_between(inner, socket.create_connection(self._target))

    def _pass_between(self, inner: socket.socket, outer: socket.socket) -> None:
        self._pairs.append((inner, outer))
        thread = threading.Thread(target=_both_ways, args=(inner, outer))
        self._threads.append(thread)
        thread.start()


def _both_ways(inner: socket.socket, outer: socket.socket) -> None:
    """Until both have ended."""
    with inner, outer:
        back = threading.Thread(target=_one_way, args=(outer, inner))
        back.start()
        _one_way(inner, outer)
        back.join()


def _one_way(source: socket.socket, sink: socket.socket) -> None:
    """Until the source ends: then the sink is told so."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
