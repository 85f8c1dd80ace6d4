"""Headers that every answer carries, and what is forgiven in a request line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERYWHERE: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in EVERYWHERE.items()]


@dataclass(frozen=True, slots=True)
class SecurityHeaders:
    """Adds the headers above to answers that do not set them themselves."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                missing = [header for header in _RAW if header[0] not in own]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        await self.app(scope, receive, send_with_headers)


@dataclass(frozen=True, slots=True)
class Forgiving:
    """Serves `/api/x/` as `/api/x`, and HEAD as a GET without its body.

    Both without a redirect: Terraform turns a POST that is redirected into a GET. The server's own scope is
    left as it is, because the server decides by it whether a body may follow. What lies inside sees the GET.
    """

    app: ASGIApp
    below: str = "/api/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        served = dict(scope)
        if scope["path"].startswith(self.below) and scope["path"].endswith("/"):
            served["path"] = scope["path"].rstrip("/")
            served["raw_path"] = (scope.get("raw_path") or b"").rstrip(b"/")
        if scope["method"] == "HEAD":
            served["method"] = "GET"
            send = _without_body(send)
        await self.app(served, receive, send)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
