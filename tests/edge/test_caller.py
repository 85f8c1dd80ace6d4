"""Who asks."""

import base64
from dataclasses import dataclass

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from app.domain.commands import Caller
from app.domain.errors import Unauthenticated
from app.edge.boundary import Boundary
from app.edge.caller import Authentication, caller_of
from app.telemetry.logs import make_logger
from tests.edge.conftest import Client


@dataclass(frozen=True)
class OneToken:
    """Knows one token."""

    async def authenticate(self, token: str, client_address: str) -> Caller | None:  # noqa: ARG002
        """Compare."""
        return Caller("team") if token == "secret:x" else None


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the caller's name."""
    name = scope["berth.caller"].owner if "berth.caller" in scope else "nobody"
    await JSONResponse(name)(scope, receive, send)


APP = Boundary(Authentication(who, OneToken()), make_logger())
OPEN = Boundary(Authentication(who, OneToken(), allow_http=True), make_logger())


def basic(password: str) -> str:
    """A Basic credential."""
    return "Basic " + base64.b64encode(f"user:{password}".encode()).decode()


@pytest.mark.parametrize(
    "credential",
    [
        "Bearer secret:x",
        "bearer  secret:x ",
        basic("secret:x"),
        basic("secret:x").lower()[:5] + basic("secret:x")[5:],
    ],
)
async def test_a_token_is_taken_as_bearer_or_as_basic_password(client_of: Client, credential: str) -> None:
    """The scheme in any letter case, the user name whatever it is."""
    response = await client_of(APP).get("/api/x", headers={"Authorization": credential})
    assert (response.status_code, response.json()) == (200, "team")


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "secret:x",
        "Token secret:x",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        basic("wrong"),
        "Bearer " + "x" * 9000,
    ],
)
async def test_anything_else_is_401_with_challenges(client_of: Client, credential: str | None) -> None:
    """The answer never quotes what was sent."""
    headers = {} if credential is None else {"Authorization": credential}
    response = await client_of(APP).get("/api/x", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers.get_list("www-authenticate")[0] == 'Bearer realm="berth"'
    assert "wrong" not in response.text


async def test_two_credentials_are_none(client_of: Client) -> None:
    """A proxy and Berth could each read another one."""
    headers = [("Authorization", "Bearer secret:x"), ("Authorization", "Bearer other")]
    assert (await client_of(APP).get("/api/x", headers=headers)).status_code == 401


async def test_a_stranger_is_refused_before_the_body_is_read(client_of: Client) -> None:
    """So that nobody can make the process parse anything."""
    assert (await client_of(APP).post("/api/x", content=b"{" * 100_000)).status_code == 401


async def test_a_cookie_is_no_credential(client_of: Client) -> None:
    """Else any site could act for whoever is logged in."""
    assert (await client_of(APP).get("/api/x", headers={"Cookie": "session=secret:x"})).status_code == 401


async def test_other_paths_need_none(client_of: Client) -> None:
    """Pages and health have their own ways."""
    assert (await client_of(APP).get("/healthz")).json() == "nobody"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # no browser
        ({"Sec-Fetch-Site": "none"}, 200),  # typed into the address bar
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://berth"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_basic_credentials_of_another_sites_request_do_not_count(
    client_of: Client, headers: dict[str, str], status: int
) -> None:
    """A browser attaches them by itself; it never does that with a bearer token."""
    client = client_of(APP)
    response = await client.get("/api/x", headers={**headers, "Authorization": basic("secret:x")})
    assert response.status_code == status
    bearer = await client.get("/api/x", headers={**headers, "Authorization": "Bearer secret:x"})
    assert bearer.status_code == 200


async def test_a_route_that_nobody_guards_has_no_caller() -> None:
    """It is refused, not served to nobody."""
    with pytest.raises(Unauthenticated):
        await caller_of(Request({"type": "http", "headers": []}))


WAYS = [
    ("http", ("127.0.0.1", 1), 200),
    ("http", ("::1", 1), 200),
    ("http", None, 200),  # a Unix socket
    ("https", ("192.0.2.7", 1), 200),
    ("http", ("192.0.2.7", 1), 403),
    ("http", ("2001:db8::7", 1), 403),
    ("http", ("somewhere", 1), 403),  # no address: nobody knows
]


@pytest.mark.parametrize(("scheme", "peer", "status"), WAYS)
@pytest.mark.parametrize("token", ["secret:x", "unknown"])
async def test_a_token_that_could_be_read_on_the_way_is_not_even_looked_at(
    scheme: str, peer: tuple[str, int] | None, status: int, token: str
) -> None:
    """So the answer tells a thief nothing about the token; a setting says that the way is safe."""
    for app, expected in ((APP, status), (OPEN, 200)):
        transport = httpx2.ASGITransport(app=app, client=peer)  # type: ignore[arg-type]
        async with httpx2.AsyncClient(transport=transport, base_url=f"{scheme}://berth") as client:
            answer = await client.get("/api/x", headers={"Authorization": f"Bearer {token}"})
            if expected == 403:
                assert (answer.status_code, answer.json()["code"]) == (403, "https_required")
            else:
                assert answer.status_code == (200 if token == "secret:x" else 401)
            assert (await client.get("/healthz")).status_code == 200
