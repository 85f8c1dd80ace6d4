"""A proxy between Berth and NetBox that fails on demand, on the wire: connections are cut where it is told.

It passes requests on one by one, each on a connection of its own, and strikes those that a `Fault` matches:

=============  =======================================================================================
kind           what happens to the call
=============  =======================================================================================
before         the connection is closed; nothing was passed on
reset_before   the same with a TCP reset
after          NetBox's whole answer is there; the connection is closed without a byte of it
reset_after    the same with a TCP reset
half           half of the answer's bytes are passed back, then the connection is closed
slow_before    waits `delay` seconds, then passes it on, whether its client still waits or not
slow_after     is passed on, and the answer waits `delay` seconds
trickle        the answer comes byte by byte, over `delay` seconds
answer         `status` as HTML, with `headers`; nothing was passed on
answer_after   is passed on, and answered with `status` as HTML
=============  =======================================================================================
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS = (
    "before",
    "reset_before",
    "after",
    "reset_after",
    "half",
    "slow_before",
    "slow_after",
    "trickle",
    "answer",
    "answer_after",
)
COMMITTED = frozenset({"after", "reset_after", "half", "slow_after", "trickle", "answer_after"})
"""Those that strike when NetBox has done what it was asked."""
_CHUNK = 64 * 1024
_HANDLING_SECONDS = 60.0
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Fault:
    """One fault. It lets `skip` calls that match pass, then strikes `times` of them; `path` has no query."""

    kind: str
    method: str = "*"
    path: str = "*"
    times: int = 1
    skip: int = 0
    delay: float = 0.0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(KINDS)}")

    def strikes(self, method: str, path: str) -> bool:
        """Tell whether it is due for a call, and count it."""
        if not self.times or not fnmatchcase(method, self.method) or not fnmatchcase(path, self.path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class _Cut(Exception):
    """The connection ends here."""


@dataclass
class FaultProxy:
    """Listens on a port of its own while it is entered.

    `calls` and `struck` count what came, `peak` is how many calls were under way at once, `times` says when
    each came (monotonic seconds). `headers` are added to every answer that is passed back.
    """

    upstream: str
    headers: Mapping[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    times: list[float] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _under_way: int = 0
    _port: int = 0

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.refuse()
        with self._lock:
            for connection in self._open:
                _reset(connection)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def waiting(self) -> int:
        """How many strikes of the faults are still to come."""
        with self._lock:
            return sum(fault.times for fault in self._faults)

    def strike(self, *faults: Fault) -> None:
        """Add faults; of those that match, the first strikes, alone."""
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """Take back what has not struck yet, and forget the counts."""
        with self._lock:
            self._faults.clear()
            self.calls.clear()
            self.struck.clear()
            self.times.clear()
            self.peak = self._under_way

    def listen(self) -> None:
        """Take connections, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=256)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse connections, as a NetBox does that is not there."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            with connection, contextlib.suppress(OSError, _Cut):
                while request := _read_message(connection):
                    self._handle(connection, request)
        finally:
            with self._lock:
                self._open.discard(connection)

    def _handle(self, connection: socket.socket, request: bytes) -> None:
        method, target = request.split(b" ", 2)[:2]
        with self._counted(method.decode(), target.decode().partition("?")[0]) as fault:
            if fault is None:
                connection.sendall(self._passed_on(request))
                return
            if fault.kind not in COMMITTED:
                self._strike_before(connection, fault)
            answer = self._passed_on(request)
            _strike_after(connection, fault, answer)

    @contextlib.contextmanager
    def _counted(self, method: str, path: str) -> Iterator[Fault | None]:
        with self._lock:
            self.calls[f"{method} {path}"] += 1
            self.times.append(time.monotonic())
            self._under_way += 1
            self.peak = max(self.peak, self._under_way)
            fault = next((each for each in self._faults if each.strikes(method, path)), None)
            if fault:
                self.struck[fault.kind] += 1
        try:
            yield fault
        finally:
            with self._lock:
                self._under_way -= 1

    def _strike_before(self, connection: socket.socket, fault: Fault) -> None:
        if fault.kind == "slow_before":
            time.sleep(fault.delay)
            return
        if fault.kind == "answer":
            connection.sendall(_html(fault))
        elif fault.kind == "reset_before":
            _reset(connection)
        raise _Cut

    def _passed_on(self, request: bytes) -> bytes:
        """What NetBox says, whole, for a client that shall not use this connection for another request."""
        place = urlsplit(self.upstream)
        address = (place.hostname or "", place.port or 80)
        with socket.create_connection(address, timeout=_HANDLING_SECONDS) as upstream:
            upstream.sendall(_alone(request))
            answer = b"".join(iter(lambda: upstream.recv(_CHUNK), b""))
        status, _, rest = answer.partition(b"\r\n")
        lines = [status, *(f"{name}: {value}".encode() for name, value in self.headers.items()), rest]
        return b"\r\n".join(lines)


def _strike_after(connection: socket.socket, fault: Fault, answer: bytes) -> None:
    if fault.kind in ("slow_before", "slow_after"):
        time.sleep(fault.delay if fault.kind == "slow_after" else 0)
        connection.sendall(answer)
    elif fault.kind == "half":
        connection.sendall(answer[: len(answer) // 2])
    elif fault.kind == "trickle":
        for number in range(len(answer)):
            connection.sendall(answer[number : number + 1])
            time.sleep(fault.delay / len(answer))
    elif fault.kind == "answer_after":
        connection.sendall(_html(fault))
    elif fault.kind == "reset_after":
        _reset(connection)
    raise _Cut


def _read_message(connection: socket.socket) -> bytes:
    """A request with its body; nothing when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(_CHUNK)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(_header(head, b"content-length") or 0)
    while len(body) < length:
        chunk = connection.recv(_CHUNK)
        if not chunk:
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body


def _header(head: bytes, name: bytes) -> bytes | None:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return next((value.strip() for key, _, value in lines if key.lower() == name), None)


def _alone(request: bytes) -> bytes:
    """The request with `Connection: close`, so that the end of the answer is the end of the connection."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def _html(fault: Fault) -> bytes:
    body = b"<html><body><h1>a proxy's own page</h1></body></html>"
    headers = {"Content-Type": "text/html", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [
        f"HTTP/1.1 {fault.status} Struck",
        *(f"{k}: {v}" for k, v in {**headers, **fault.headers}.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()
