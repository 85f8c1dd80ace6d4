"""Where errors end: whatever a request comes to, its answer is a problem document or what a route made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import BerthError, InvalidRequest, NotFound
from app.edge.errors import (
    BodyTooLarge,
    InternalError,
    MalformedBody,
    MethodNotAllowed,
    UnsupportedMediaType,
)
from app.edge.problems import respond, to_berth_error
from app.telemetry.events import note

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
READS = frozenset({"GET", "HEAD", "OPTIONS"})


async def told_as_it_is(scope: Scope, error: BerthError) -> BerthError:  # noqa: ARG001 - whoever writes refusals down
    """What an application that writes no refusals down answers."""
    return error


@dataclass(frozen=True, slots=True)
class Boundary:
    """Answers every error that passes it. An answer that has begun is not taken back: the error goes on.

    `deny` writes a refusal down where it has to be, and returns what is to be answered.
    """

    app: ASGIApp
    log: structlog.typing.FilteringBoundLogger
    deny: Callable[[Scope, BerthError], Awaitable[BerthError]] = told_as_it_is

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_on)
        except Exception as error:
            if started:
                raise
            response = await self._answer(error, scope)
            await response(scope, receive, send)

    async def _answer(self, error: Exception, scope: Scope) -> Response:
        told = to_berth_error(error, read=scope["method"] in READS)
        if isinstance(told, InternalError):
            self.log.error("request failed", error=type(error).__name__, exc_info=error)
        return answer(await self.deny(scope, told))


def answer(error: BerthError) -> Response:
    """The problem document of an error, noted in the request's line."""
    note(outcome=error.code)
    return respond(error)


def framework_error(request: Request, error: Exception) -> BerthError:
    """What the framework raises of its own accord, in Berth's words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    match status:
        case 404:
            return NotFound("There is no such route; the routes are listed at /docs.")
        case 405:
            return MethodNotAllowed(allowed_methods(request))
        case 413:
            return BodyTooLarge()
        case 415:
            return UnsupportedMediaType()
        case 400:
            return MalformedBody()
        case _:
            return InvalidRequest() if status < 500 else InternalError()  # noqa: PLR2004


def allowed_methods(request: Request) -> list[str]:
    """Every method that some route answers at this path."""
    router: Router = request.app.router
    scope = request.scope
    allowed = [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in router.routes)
    ]
    return [*allowed, "HEAD"] if "GET" in allowed else allowed
