"""Bodies, read and normalised before the routes see them."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from app.edge.body import BodyReader, decode
from app.edge.boundary import Boundary
from app.edge.errors import MalformedBody, UnsupportedMediaType
from app.edge.forms import FormShape
from app.telemetry.logs import make_logger
from tests.edge.conftest import Client


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was sent, and under which label."""
    request = Request(scope, receive)
    body = await request.body()
    seen = {"type": request.headers.get("content-type"), "length": request.headers.get("content-length")}
    await JSONResponse({**seen, "body": body.decode()})(scope, receive, send)


def reader(**options: float) -> Boundary:
    """The reader, with problems answered."""
    limits = {"/api/batch": 100}
    inner = BodyReader(echo, limit=20, limits=limits, seconds=options.get("seconds", 5.0))
    return Boundary(inner, make_logger())


async def test_a_body_arrives_as_json_that_is_labelled_so(client_of: Client) -> None:
    """Whatever it was labelled."""
    response = await client_of(reader()).post(
        "/api/x", content='{ "a": "ü" }', headers={"Content-Type": "text/plain"}
    )
    assert response.json() == {"type": "application/json", "length": "11", "body": '{"a": "ü"}'}


async def test_an_empty_body_is_an_empty_object(client_of: Client) -> None:
    """Also with white space in it."""
    client = client_of(reader())
    assert [(await client.post("/api/x", content=body)).json()["body"] for body in ("", "\n ")] == [
        "{}",
        "{}",
    ]


async def test_other_paths_and_methods_are_left_alone(client_of: Client) -> None:
    """Pages read their own forms; a GET has no body."""
    client = client_of(reader())
    assert (await client.post("/form", content="a=1")).json()["body"] == "a=1"
    assert (await client.request("GET", "/api/x", content="a=1")).json()["body"] == "a=1"


@pytest.mark.parametrize(("path", "limit"), [("/api/x", 20), ("/api/batch", 100)])
async def test_a_body_up_to_the_limit_is_read(client_of: Client, path: str, limit: int) -> None:
    """And not one byte more."""
    client = client_of(reader())
    body = '{"a": 1}'.ljust(limit)
    assert (await client.post(path, content=body)).status_code == 200
    refused = await client.post(path, content=body + " ")
    assert (refused.status_code, refused.json()["detail"]) == (413, f"The body is larger than {limit} bytes.")


async def test_a_body_whose_length_is_not_announced_is_counted(client_of: Client) -> None:
    """Chunk by chunk, and no further than the limit."""
    given = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(1000):
            given += 1
            yield b" " * 8

    response = await client_of(reader()).post("/api/x", content=chunks())
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert given < 1000


async def run(app: Boundary, messages: list[Message], headers: list[tuple[bytes, bytes]]) -> list[Message]:
    """One raw request: what is sent back, and nothing if the app waits for more than there is."""
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/x", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize("announced", [b"21", b"9" * 5000])
async def test_an_announced_length_beyond_the_limit_is_refused_unread(announced: bytes) -> None:
    """Before a single byte is received."""
    sent = await run(reader(), [], [(b"content-length", announced)])
    assert sent[0]["status"] == 413


async def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    """408, and the connection is closed."""
    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    sent = await run(reader(seconds=0), messages, [])
    assert (sent[0]["status"], (b"connection", b"close") in sent[0]["headers"]) == (408, True)


async def test_a_client_that_hangs_up_before_its_body_is_complete_starts_nothing() -> None:
    """And gets no answer."""
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"a"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert await run(reader(), messages, []) == []


async def test_the_app_still_hears_that_its_client_hangs_up() -> None:
    """After the body, what comes is what comes."""
    heard: list[str] = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend([(await receive())["type"] for _ in range(2)])

    messages: list[Message] = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]
    await run(Boundary(BodyReader(listen), make_logger()), messages, [])
    assert heard == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    ("body", "label", "error", "detail"),
    [
        (b'{"a": "\xff"}', "application/json", MalformedBody, "not UTF-8 (byte 7)"),
        (b"{", "", MalformedBody, "line 1, column 2"),
        (b"null x", "application/json", MalformedBody, "Extra data"),
        (
            b"--x\r\n",
            "multipart/form-data; boundary=x",
            UnsupportedMediaType,
            "application/x-www-form-urlencoded",
        ),
        (b"hello", "text/plain", MalformedBody, "neither a JSON object nor a form"),
    ],
)
def test_a_body_that_stands_for_nothing_is_refused(
    body: bytes, label: str, error: type[MalformedBody], detail: str
) -> None:
    """With what to send instead."""
    with pytest.raises(error) as caught:
        decode(body, label, FormShape())
    assert detail in caught.value.detail


def test_a_byte_order_mark_is_forgiven() -> None:
    """PowerShell sends one."""
    assert decode(b'\xef\xbb\xbf{"a": 1}', "", FormShape()) == {"a": 1}


def test_json_that_is_no_object_is_left_to_the_schema() -> None:
    """Which says what it wants instead."""
    assert decode(b"[1]", "", FormShape()) == [1]
    assert decode(b"null", "application/json", FormShape()) is None


async def test_compressed_bodies_are_not_read(client_of: Client) -> None:
    """A small one could be a large one."""
    response = await client_of(reader()).post("/api/x", content=b"x", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415


@pytest.mark.parametrize("url", ["/api/x?q=%0a", "/api/x?%1b=1", "/api/x%00", "/api/x?q=%E2%80%AE"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_control_characters_in_the_url_are_refused(client_of: Client, method: str, url: str) -> None:
    """They reach NetBox and the log like any text."""
    response: httpx2.Response = await client_of(reader()).request(method, url)
    assert response.status_code == 422
    assert json.loads(response.content)["errors"][0]["code"] == "control_character"
