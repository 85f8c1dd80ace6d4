"""Every request has an id, a context and one line."""

import io
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.edge.requests import RequestLines, current_request
from app.telemetry.events import note, note_netbox_request
from app.telemetry.logs import make_logger
from tests.edge.conftest import Client

ID = UUID("01a20a65-fc22-7afe-9fcf-85044bfe4a26")


@dataclass
class Heard:
    """Remembers what was counted."""

    requests: list[dict[str, Any]] = field(default_factory=list)

    def request(self, **facts: Any) -> None:  # noqa: ANN401 - whatever is told
        """Remember."""
        self.requests.append(facts)


@dataclass
class Watched:
    """Request lines around an app, with the time and ids of the test."""

    heard: Heard = field(default_factory=Heard)
    stream: io.StringIO = field(default_factory=io.StringIO)
    seen: list[str] = field(default_factory=list)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Knows something about the request."""
        self.seen.append(current_request().request_id)
        note(owner="team", key="web-01\r\n\x1b[31mforged")
        note_netbox_request("nb-1")
        note_netbox_request("nb-1")
        note_netbox_request(None)
        await PlainTextResponse("ok", status_code=201)(scope, receive, send)

    def app(self) -> RequestLines:
        """The middleware."""
        times = iter((10.0, 10.25))
        log = make_logger(self.stream)
        return RequestLines(self.serve, log, self.heard, new_id=lambda: ID, clock=lambda: next(times))

    def line(self) -> dict[str, Any]:
        """The only line."""
        (text,) = self.stream.getvalue().splitlines()
        line: dict[str, Any] = json.loads(text)
        return line


async def test_a_request_without_an_id_gets_one(client_of: Client) -> None:
    """In the answer's header, in the context and in the line."""
    watched = Watched()
    response = await client_of(watched.app()).get("/x")
    assert response.headers["x-request-id"] == watched.line()["request_id"] == str(ID)
    assert watched.seen == [str(ID)]
    assert current_request().request_id == ""


@pytest.mark.parametrize("sent", ["abc", "a.b_c:d-E9", "x" * 128])
async def test_a_sane_id_of_the_callers_is_kept(client_of: Client, sent: str) -> None:
    """So that two logs can be read together."""
    response = await client_of(Watched().app()).get("/x", headers={"X-Request-ID": sent})
    assert response.headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", [b"", b"a b", b"x" * 129, b"a\x1b[31m", "ä".encode()])
async def test_an_id_that_is_not_is_replaced(client_of: Client, sent: bytes) -> None:
    """It would stand in logs."""
    response = await client_of(Watched().app()).get("/x", headers={b"X-Request-ID": sent})
    assert response.headers["x-request-id"] == str(ID)


async def test_the_line_says_who_what_and_what_came_of_it(client_of: Client) -> None:
    """Written once, at the end, with whatever anybody knew."""
    watched = Watched()
    await client_of(watched.app()).post("/x?token=secret", content="secret")
    line = watched.line()
    assert (line["event"], line["method"], line["status"], line["seconds"]) == ("request", "POST", 201, 0.25)
    assert (line["owner"], line["route"], line["netbox_request_ids"]) == ("team", "unmatched", ["nb-1"])
    assert line["client_address"] == "127.0.0.1"
    assert "secret" not in watched.stream.getvalue()


async def test_a_value_cannot_forge_a_line(client_of: Client) -> None:
    """JSON escapes control characters."""
    watched = Watched()
    await client_of(watched.app()).get("/x")
    assert watched.line()["key"] == "web-01\r\n\x1b[31mforged"
    assert "\x1b" not in watched.stream.getvalue()


async def test_a_request_is_counted(client_of: Client) -> None:
    """With the same facts."""
    watched = Watched()
    await client_of(watched.app()).get("/x")
    assert watched.heard.requests == [
        {"route": "unmatched", "method": "GET", "status": 201, "caller": "team", "seconds": 0.25}
    ]


async def test_an_answer_that_nobody_heard_has_a_line_too() -> None:
    """With nginx's number for a client that has gone."""
    watched = Watched()

    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    app = RequestLines(silent, make_logger(watched.stream), watched.heard, new_id=lambda: ID)
    scope: Scope = {"type": "http", "method": "GET", "path": "/x", "headers": [], "client": None}
    await app(scope, _nothing, _nowhere)
    assert (watched.line()["status"], watched.line()["client_address"]) == (499, "")


async def _nothing() -> Any:  # noqa: ANN401 - a message
    return {"type": "http.disconnect"}


async def _nowhere(_message: Any) -> None:  # noqa: ANN401 - a message
    return


def test_outside_of_a_request_nothing_is_noted() -> None:
    """And nothing breaks."""
    note(key="x")
    note_netbox_request("y")
    assert current_request().request_id == ""
