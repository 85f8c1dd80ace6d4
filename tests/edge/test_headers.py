"""Headers that every answer carries, and what is forgiven in a request line."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.edge.headers import Forgiving, SecurityHeaders
from tests.edge.conftest import Client


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with method and path as they arrive."""
    request = Request(scope, receive)
    headers = {"Cache-Control": "max-age=60"} if scope["path"] == "/static" else {}
    await PlainTextResponse(f"{request.method} {scope['path']}", headers=headers)(scope, receive, send)


async def test_every_answer_is_protected(client_of: Client) -> None:
    """Against sniffing, caching, framing and whatever a page could load."""
    headers = (await client_of(SecurityHeaders(tell)).get("/x")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_an_answer_may_say_otherwise(client_of: Client) -> None:
    """A page has a policy of its own."""
    headers = (await client_of(SecurityHeaders(tell)).get("/static")).headers
    assert headers["cache-control"] == "max-age=60"


async def test_trailing_slashes_are_forgiven_below_the_api(client_of: Client) -> None:
    """And nowhere else: other rooms may mean them."""
    client = client_of(Forgiving(tell))
    assert (await client.post("/api/x/")).text == "POST /api/x"
    assert (await client.post("/api/x//")).text == "POST /api/x"
    assert (await client.post("/seed/token/")).text == "POST /seed/token/"


async def test_a_head_is_served_as_a_get_without_its_body(client_of: Client) -> None:
    """With the length that the body would have."""
    response = await client_of(Forgiving(tell)).head("/x")
    assert (response.content, response.headers["content-length"]) == (b"", "6")


async def test_the_servers_own_scope_is_left_as_it_is() -> None:
    """The server decides by it whether a body may follow: uvicorn does."""
    scope: Scope = {"type": "http", "method": "HEAD", "path": "/api/x/", "headers": []}

    async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    async def never() -> dict[str, str]:
        return {}

    async def nowhere(_message: object) -> None:
        return

    await Forgiving(nothing)(scope, never, nowhere)
    assert (scope["method"], scope["path"]) == ("HEAD", "/api/x/")


def test_responses_have_no_header_of_the_framework() -> None:
    """Nothing names what is running."""
    assert {name.lower() for name in Response("x").headers} == {"content-length"}
