"""Every request has an id, a context, and one line in the log, written at its end."""

import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid6 import uuid7

from app.domain.inventory import Json
from app.edge.routes import Matched, no_routes
from app.telemetry.events import EventLine, event_line

REQUEST_ID: Final = "X-Request-ID"
UNMATCHED: Final = "unmatched"
"""What the log and the metrics call the route of a path that there is none for."""
FIRST_REFUSAL: Final = 400
CLIENT_GONE: Final = 499
"""What the log calls the status of an answer that had nobody to go to (nginx's number)."""

_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What is known of a request from the start.

    `client_address` is the peer's, or the one that a proxy says whom the settings name.
    """

    request_id: str
    client_address: str = ""
    method: str = ""


_current: ContextVar[RequestContext | None] = ContextVar("berth_request", default=None)


def current_request() -> RequestContext:
    """The request that is being served in this context; an empty one outside of any."""
    return _current.get() or RequestContext("")


class Meter(Protocol):
    """Counts requests."""

    def request(self, *, route: str, method: str, status: int, caller: str, seconds: float) -> None:
        """One request was answered."""
        ...


@dataclass(frozen=True, slots=True)
class RequestLines:
    """Gives every request an id, times it, counts it and logs it.

    A caller's own `X-Request-ID` is taken if it is 1 to 128 letters, digits or `. _ : -`. `routes` tells the
    route of a request that was refused before it got to one.
    """

    app: ASGIApp
    log: structlog.typing.FilteringBoundLogger
    meter: Meter
    routes: Callable[[Scope], Matched | None] = no_routes
    new_id: Callable[[], UUID] = uuid7
    clock: Callable[[], float] = time.perf_counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, then write its line."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = self._context(scope)
        token = _current.set(context)
        try:
            with event_line() as line:
                await self._serve(context, line, scope, receive, send)
        finally:
            _current.reset(token)

    def _context(self, scope: Scope) -> RequestContext:
        sent = Headers(scope=scope).get(REQUEST_ID.lower(), "")
        request_id = sent if _SANE.fullmatch(sent) else str(self.new_id())
        client = scope.get("client")
        address = client[0] if client and _SANE.fullmatch(client[0]) else ""  # a proxy may pass on anything
        return RequestContext(request_id, address, scope["method"])

    async def _serve(
        self, context: RequestContext, line: EventLine, scope: Scope, receive: Receive, send: Send
    ) -> None:
        status = CLIENT_GONE
        started = self.clock()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = context.request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._write(context, line, scope, status, self.clock() - started)

    def _write(
        self, context: RequestContext, line: EventLine, scope: Scope, status: int, seconds: float
    ) -> None:
        route = self._route(scope)
        owner = str(line.fields.get("owner", ""))
        self.meter.request(route=route, method=context.method, status=status, caller=owner, seconds=seconds)
        facts: dict[str, Json] = {
            "request_id": context.request_id,
            "method": context.method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 6),
            "client_address": context.client_address,
            "outcome": _outcome(status),
            **line.fields,
        }
        if line.seconds:
            facts["milliseconds"] = {stage: round(1000 * spent, 1) for stage, spent in line.seconds.items()}
        if line.netbox_request_ids:
            facts["netbox_request_ids"] = [*line.netbox_request_ids]
        self.log.info("request", **facts)

    def _route(self, scope: Scope) -> str:
        template = route_template(scope)
        matched = self.routes(scope) if template == UNMATCHED else None
        return matched.template if matched else template


def _outcome(status: int) -> str:
    """The word for what a request came to of which nobody has noted anything better."""
    if status == CLIENT_GONE:
        return "client_gone"
    return "ok" if status < FIRST_REFUSAL else "failed"


def route_template(scope: Scope) -> str:
    """The route as it was declared, such as `/api/v1/allocations/{key}`: a path could hold a secret."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else UNMATCHED
