"""HTTP as the emulator sees it: a request read from ASGI, an answer written to it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

from app.emulator.errors import detail

if TYPE_CHECKING:
    from app.emulator.values import Json

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

LIMIT = 2_621_440
"""Django's DATA_UPLOAD_MAX_MEMORY_SIZE."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: upper case.
        path: without the query.
        query_string: as sent.
        headers: by lower-case name.
        body: all of it.
        client: the address that it came from.
    """

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    client: str

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The parameters in order, empty ones included."""
        found: dict[str, list[str]] = {}
        for key, value in parse_qsl(self.query_string, keep_blank_values=True):
            found.setdefault(key, []).append(value)
        return found

    def parameter(self, name: str) -> str:
        """Return the last value of a parameter, or nothing."""
        return self.query.get(name, [""])[-1]

    @property
    def base(self) -> str:
        """Scheme and host."""
        return f"http://{self.headers.get('host', 'localhost')}"

    def with_query(self, **changes: str | int | None) -> str:
        """Return the URL with parameters changed or removed, sorted as NetBox sorts them."""
        query = {key: list(values) for key, values in self.query.items()}
        for key, value in changes.items():
            query.pop(key, None)
            if value is not None:
                query[key] = [str(value)]
        text = urlencode(sorted(query.items()), doseq=True)
        return f"{self.base}{self.path}" + (f"?{text}" if text else "")

    def data(self) -> Json:
        """Return the body as JSON, ``{}`` without one; raises ApiError."""
        if not self.body:
            return {}
        kind = self.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise detail(415, f'Unsupported media type "{kind}" in request.')
        try:
            return json.loads(self.body.decode(), parse_constant=_refuse_constant)
        except ValueError as error:
            raise detail(400, f"JSON parse error - {error}") from None


@dataclass
class Response:
    """One answer; a body that is text is HTML, anything else JSON, None nothing."""

    status: int
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)
    empty: bool = False

    def encoded(self) -> tuple[bytes, str]:
        """Return the body's bytes and media type."""
        if self.empty:
            return b"", ""
        if isinstance(self.body, str):
            return self.body.encode(), "text/html; charset=utf-8"
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        ), "application/json"


async def read(scope: Scope, receive: Receive) -> Request:
    """Read a request to its end."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        client=(scope.get("client") or ("127.0.0.1", 0))[0],
    )


async def write(response: Response, send: Send, *, head: bool = False) -> None:
    """Send an answer."""
    body, kind = response.encoded()
    headers = {
        **({"Content-Type": kind} if kind else {}),
        **response.headers,
        "Content-Length": str(len(body)),
    }
    start = {
        "type": "http.response.start",
        "status": response.status,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": b"" if head else body})


async def drop(receive: Receive) -> None:
    """Cut the connection without an answer.

    ASGI has no word for this, so uvicorn's transport is taken from behind its ``receive``. On a server where
    that does not work the missing answer is an error of the server.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionAbortedError
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
