"""The ASGI program: routes, authentication, the lock, faults, and the answers to what goes wrong."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import uuid
from typing import TYPE_CHECKING

from app.emulator import views
from app.emulator.accounts import NOT_PROVIDED, Account, authenticate
from app.emulator.errors import ApiError, InvalidError, denied
from app.emulator.faults import CONTROL, Fault, Faults, html, items
from app.emulator.german import german
from app.emulator.resources import RESOURCES
from app.emulator.routes import Route, find_route
from app.emulator.session import Session
from app.emulator.wire import LIMIT, Request, Response, drop, read, write

if TYPE_CHECKING:
    from app.emulator.database import Database
    from app.emulator.release import Release
    from app.emulator.wire import Receive, Scope, Send

_log = logging.getLogger(__name__)

RACE = 0.002
"""Seconds between check and write where NetBox takes no lock: enough for others to come in between."""

LONGEST_LINE = 4094
"""gunicorn's limit of the request line."""


NOBODY = Account({"id": None, "username": "", "is_superuser": True})
"""Who provisions a token by password."""


class Emulator:
    """NetBox's REST API over SQLite.

    Everything runs on one event loop and every step is synchronous, so a step is atomic. Where NetBox holds
    its lock the steps of a call follow each other; elsewhere another call may come between check and write,
    and the loser of such a race gets what NetBox gives: a 400, or a 500 from the database's own constraint.

    Args:
        database: where everything is kept, with its tables.
        release: the NetBox that is played.
        global_unique: ENFORCE_GLOBAL_UNIQUE.
    """

    def __init__(self, database: Database, release: Release, *, global_unique: bool = True) -> None:
        self.database = database
        self.release = release
        self.global_unique = global_unique
        self.faults = Faults()
        self._lock = asyncio.Lock()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def session(self, account: Account, *, base: str = "", request_id: str = "") -> Session:
        """Return the state of a new call."""
        return Session(
            self.database,
            self.release,
            RESOURCES,
            account,
            base=base,
            request_id=request_id,
            global_unique=self.global_unique,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            self._lock = asyncio.Lock()  # a lock belongs to the event loop in which it was first waited for
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            request = await read(scope, receive)
            if request.path.startswith(CONTROL):
                await self._send(request, self.faults.control(request), send)
            else:
                await self._serve(request, receive, send)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        name = self.faults.begin(request)
        fault = self.faults.due(request)
        try:
            response = await self._struck(request, fault)
        except asyncio.CancelledError:
            response = None  # the server is being stopped
        finally:
            self.faults.end(name)
        if response is None:
            await drop(receive)
        else:
            await self._send(request, response, send)

    async def _send(self, request: Request, response: Response, send: Send) -> None:
        response.headers["X-Berth-Emulator"] = self.release.full
        await write(response, send, head=request.method == "HEAD")

    async def _struck(self, request: Request, fault: Fault | None) -> Response | None:
        """Handle a call under a fault; None when its connection is to be cut."""
        if fault is None:
            return await self._answer(request)
        early = _before(fault)
        if early is not None:
            return self._dressed(early, str(uuid.uuid4()))
        if fault.kind == "down":
            return None
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay)
        held = fault.delay + fault.per_item * items(request) if fault.kind == "hold" else 0.0
        response = await self._answer(request, held)
        if fault.kind == "slow_after":
            await asyncio.sleep(fault.delay)
        if fault.kind == "error_after":
            return html(fault.status or 502)
        return None if fault.kind == "answer_lost" else response

    def _dressed(self, response: Response, request_id: str) -> Response:
        response.headers |= {
            "X-Request-ID": request_id,
            "API-Version": self.release.series,
            "Vary": "HX-Request, Accept-Language, Cookie, origin",
        }
        return response

    async def _answer(self, request: Request, held: float = 0.0) -> Response:
        """Handle a call and turn what goes wrong into NetBox's answer."""
        request_id = str(uuid.uuid4())
        try:
            response = await self._handle(request, request_id, held)
        except InvalidError as error:
            response = Response(400, error.errors)
        except ApiError as error:
            response = Response(error.status, error.body, error.headers)
        except sqlite3.IntegrityError as error:
            text = f"duplicate key value violates unique constraint\nDETAIL:  {error}"
            response = Response(500, self.session(NOBODY).crash("IntegrityError", text))
        except Exception as error:  # noqa: BLE001 - NetBox, too, answers whatever it did not expect with a 500
            _log.exception("%s %s", request.method, request.path)
            response = Response(500, self.session(NOBODY).crash(type(error).__name__, str(error)))
        if request.headers.get("accept-language", "").lower().startswith("de") and response.status >= 400:  # noqa: PLR2004
            response.body = german(response.body)
        return self._dressed(response, request_id)

    async def _handle(self, request: Request, request_id: str, held: float) -> Response:
        if len(request.path) + len(request.query_string) > LONGEST_LINE:
            return views.bad_request()
        route = find_route(request, self.release)
        if route is None or not request.path.endswith("/"):
            return views.missing(request, self.release, known=route is not None)
        header = request.headers.get("authorization", "")
        account = NOBODY if route.open else authenticate(self.database, self.release, header, request.client)
        if account is None:
            raise denied(NOT_PROVIDED)
        session = self.session(account, base=request.base, request_id=request_id)
        if len(request.body) > LIMIT and self.release.modern:
            text = "Request body exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE."
            raise ApiError(500, session.crash("RequestDataTooBig", text))
        if route.handle is None:
            text = f'Method "{request.method}" not allowed.'
            raise ApiError(405, {"detail": text}, {"Allow": route.allow})
        response = await self._run(route, session, request, held)
        response.headers["Allow"] = route.allow
        return response

    async def _run(self, route: Route, session: Session, request: Request, held: float) -> Response:
        if not route.locked:
            await asyncio.sleep(held)
            return await self._steps(route, session, request, RACE)
        async with self._lock:
            if held:
                await asyncio.sleep(held)
            return await self._steps(route, session, request, None)

    async def _steps(self, route: Route, session: Session, request: Request, pause: float | None) -> Response:
        assert route.handle  # noqa: S101 - the caller has answered 405 otherwise
        steps = route.handle(session, request)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                answer: Response = done.value
                return answer
            if pause is not None:
                await asyncio.sleep(pause)


def _before(fault: Fault) -> Response | None:
    """Return the answer of a fault that keeps the call from being handled."""
    if fault.kind == "throttled":
        body = {"detail": "Request was throttled."}
        return Response(429, body, {"Retry-After": f"{fault.retry_after:g}"})
    if fault.kind == "error":
        return html(fault.status or 500)
    if fault.kind == "token_expired":
        return Response(403, {"detail": "Token expired"})
    return None


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; the database stays open, so that a test may start it again."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
