"""`python -m tools.bench.instant`: a NetBox that does no work, so that what is left to measure is Berth.

It is the embedded NetBox with a short cut: a list POST to available-ips is answered with rows made from the
first one, without looking at anything, and a read of names finds nothing. Nothing is stored.
"""

from __future__ import annotations

import argparse
import copy
import ipaddress
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn

from app.emulator import Emulator, create_app
from app.emulator.server import LOOPBACK, configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

_NOTHING = b'{"count":0,"next":null,"previous":null,"results":[]}'


@dataclass
class Instant:
    """The ASGI program. Everything that has no short cut is the embedded NetBox's to answer."""

    emulator: Emulator
    row: dict[str, Any] | None = None
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1_000_000))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        path, method = scope.get("path", ""), scope.get("method", "")
        if method == "POST" and path.endswith("/available-ips/"):
            await self._allocate(scope, receive, send)
        elif method == "GET" and path == "/api/ipam/ip-addresses/" and b"dns_name=" in scope["query_string"]:
            await _answer(send, 200, _NOTHING)
        else:
            await self.emulator(scope, receive, send)

    async def _allocate(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if self.row is None:
            self.row = (await self._first(scope, body))[-1]
        await _answer(
            send, 201, json.dumps([self._made(self.row, item) for item in json.loads(body)]).encode()
        )

    def _made(self, row: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
        """A row as it would be, in time that does not count."""
        number = next(self.numbers)
        network = ipaddress.ip_interface(row["address"]).network
        host = network.network_address + (number % network.num_addresses)
        return {
            **row,
            "id": number,
            "address": f"{host}/{network.prefixlen}",
            "dns_name": item["dns_name"],
            "description": item["description"],
            "custom_fields": item["custom_fields"],
        }

    async def _first(self, scope: Scope, body: bytes) -> list[dict[str, Any]]:
        """What the embedded NetBox makes of the first list."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(copy.copy(message))

        await self.emulator(scope, receive, send)
        rows: list[dict[str, Any]] = json.loads(b"".join(message.get("body", b"") for message in sent))
        return rows


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main(serve: Callable[[uvicorn.Config], None] = lambda config: uvicorn.Server(config).run()) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.instant", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    emulator = create_app()
    config = configuration(emulator, LOOPBACK, port)
    config.app = Instant(emulator)
    serve(config)


if __name__ == "__main__":
    main()
