"""Faults on demand, and a count of the calls: a control route beside the API, for tests.

``PUT /_emulator/faults`` replaces all faults by the given one (an object) or ones (a list), ``POST``
adds, ``DELETE`` clears, ``GET`` lists what is left of them. No token is needed. A fault::

    {"kind": "answer_lost", "method": "POST", "path": "/api/ipam/prefixes/*/available-ips/", "times": 1}

========================  ============================================================================
kind                      what happens to a call that matches
========================  ============================================================================
slow                      waits ``delay`` seconds, then is handled
hold                      waits ``delay + per_item * items`` seconds *inside* the lock of the addresses,
                          as a busy NetBox does; calls that do not take the lock wait outside of it
slow_after                is handled and committed, then waits ``delay`` seconds before the answer
down                      the connection is closed; nothing is handled
answer_lost               is handled and committed, then the connection is closed
throttled                 429 with ``Retry-After: retry_after`` (1 by default); nothing is handled
error                     ``status`` (500 by default; 502, 503, 504) as HTML; nothing is handled
error_after               is handled and committed, then ``status`` (502 by default) as HTML
token_expired             403 ``Token expired``; nothing is handled
========================  ============================================================================

``method`` and ``path`` are shell patterns, ``*`` by default (the path has no query). ``times`` limits how
often the fault strikes, ``skip`` lets that many calls pass first. The first fault that matches strikes,
alone.

``GET /_emulator/requests`` answers ``{"counts": {...}, "peaks": {...}, "items": {...}}``: by method and path
template (``POST /api/ipam/prefixes/{id}/available-ips/``) how many calls came, how many were in progress at
once, and how many objects their bodies held. ``DELETE`` starts over. Calls of this route are not counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from app.emulator.wire import Response

if TYPE_CHECKING:
    from app.emulator.values import Json
    from app.emulator.wire import Request

KINDS = (
    "slow",
    "hold",
    "slow_after",
    "down",
    "answer_lost",
    "throttled",
    "error",
    "error_after",
    "token_expired",
)
CONTROL = "/_emulator/"


@dataclass
class Fault:
    """One fault; see the module's text."""

    kind: str
    method: str = "*"
    path: str = "*"
    times: int | None = None
    skip: int = 0
    delay: float = 0.0
    per_item: float = 0.0
    status: int | None = None
    retry_after: float = 1

    def strikes(self, request: Request) -> bool:
        """Tell whether the fault is due for a call, and count it."""
        if not fnmatchcase(request.method, self.method) or not fnmatchcase(request.path, self.path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            if not self.times:
                return False
            self.times -= 1
        return True


def html(status: int) -> Response:
    """Return what a proxy in front of NetBox answers."""
    names = {500: "Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}
    title = f"{status} {names.get(status, 'Error')}"
    return Response(
        status, f"<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    )


@dataclass
class Faults:
    """The faults that are set, and the calls that were seen."""

    faults: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)

    def due(self, request: Request) -> Fault | None:
        """Return the fault that strikes a call."""
        return next((fault for fault in self.faults if fault.strikes(request)), None)

    def begin(self, request: Request) -> str:
        """Count a call; return its template."""
        name = f"{request.method} {re.sub(r'/[0-9]+(?=/|$)', '/{id}', request.path)}"
        self.counts[name] += 1
        self.items[name] += items(request)
        self.running[name] += 1
        self.peaks[name] = max(self.peaks[name], self.running[name])
        return name

    def end(self, name: str) -> None:
        """Count the end of a call."""
        self.running[name] -= 1

    def control(self, request: Request) -> Response:
        """Answer the control route."""
        route = request.path.removeprefix(CONTROL).strip("/")
        if route == "requests":
            return self._requests(request)
        if route != "faults":
            return Response(404, {"detail": "There are faults and requests."})
        if request.method in ("PUT", "POST"):
            try:
                given = _parse(json.loads(request.body))
            except (ValueError, TypeError) as error:
                return Response(400, {"detail": str(error)})
            self.faults = given if request.method == "PUT" else [*self.faults, *given]
        elif request.method == "DELETE":
            self.faults = []
        return Response(200, [asdict(fault) for fault in self.faults])

    def _requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.counts.clear()
            self.items.clear()
            self.peaks.clear()
        return Response(200, {"counts": self.counts, "peaks": self.peaks, "items": self.items})


def items(request: Request) -> int:
    """Return how many objects a body holds."""
    try:
        data = json.loads(request.body) if request.body else None
    except ValueError:
        return 0
    return len(data) if isinstance(data, list) else int(data is not None)


def _parse(given: Json) -> list[Fault]:
    known = {item.name for item in fields(Fault)}
    rows: list[Json] = given if isinstance(given, list) else [given]
    for row in rows:
        if not isinstance(row, dict) or row.get("kind") not in KINDS or set(row) - known:
            raise ValueError(f"kind is one of {', '.join(KINDS)}; keys are {', '.join(sorted(known))}")
    return [Fault(**row) for row in rows]
