"""What the tests of the NetBox room share: a clock, a scripted wire, a scripted server, and NetBoxes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from app.domain.inventory import Json
from app.emulator import SEED_TOKEN, create_app, running
from app.netbox import Attempt, CallFinished, NetBox, NetBoxSettings, connect
from app.netbox.resilience import Line, World
from app.netbox.setup import bootstrap
from app.netbox.wire import Question, Reply


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class FixedToken:
    """A token that changes to the next one when it is refreshed."""

    tokens: list[str] = field(default_factory=lambda: ["a" * 40])
    refreshed: int = 0

    def current(self) -> str:
        """Tell the token to use now."""
        return self.tokens[0]

    async def refresh(self) -> bool:
        """Move on to the next token, if there is one."""
        self.refreshed += 1
        if len(self.tokens) > 1:
            del self.tokens[0]
            return True
        return False


@dataclass
class ScriptedWire:
    """Answers each question with the next of its replies; an exception is raised, the last one repeats.

    While there is a `gate`, answers wait for it; the `refused` token is expired.
    """

    replies: list[Reply | Exception]
    asked: list[Question] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    refused: str | None = None

    async def call(self, question: Question, token: str) -> Reply:
        """Play the next reply."""
        self.asked.append(question)
        self.tokens.append(token)
        if self.gate:
            await self.gate.wait()
        if token == self.refused:
            return Reply(status=403, data={"detail": "Token expired"})
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


@dataclass
class Rig:
    """A line over a scripted wire, with its clock, its token and what was observed."""

    wire: ScriptedWire
    line: Line
    clock: Clock
    token: FixedToken
    seen: list[CallFinished]
    attempts: list[Attempt]


@pytest.fixture
def rig() -> Callable[..., Rig]:
    """Make a line over a scripted wire."""

    def make(
        *replies: Reply | Exception,
        tokens: tuple[str, ...] = ("a" * 40,),
        settings: NetBoxSettings = NetBoxSettings(url="http://netbox"),  # noqa: B008 - frozen
    ) -> Rig:
        clock = Clock()
        seen: list[CallFinished] = []
        attempts: list[Attempt] = []
        wire = ScriptedWire(list(replies))
        token = FixedToken(list(tokens))
        world = World(
            clock=clock,
            sleep=clock.sleep,
            random=lambda: 1.0,
            observe=seen.append,
            attempted=attempts.append,
        )
        line = Line(wire, token, settings, world)
        return Rig(wire, line, clock, token, seen, attempts)

    return make


@dataclass
class Heard:
    """A request that a scripted server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    port: int = 0  # the client's: one for each connection


Play = Callable[[Heard], "tuple[int, dict[str, str], bytes] | None"]


@dataclass
class Server:
    """A server that answers as it is told to; None cuts the connection."""

    play: Play
    heard: list[Heard] = field(default_factory=list)
    url: str = ""


@contextmanager
def _serving(play: Play) -> Iterator[Server]:
    server = Server(play)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            heard = Heard(
                self.command,
                self.path,
                dict(self.headers.items()),
                json.loads(raw) if raw else None,
                self.client_address[1],
            )
            server.heard.append(heard)
            answer = server.play(heard)
            if answer is None:
                self.close_connection = True
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Play], Server]]:
    """Start a scripted server."""
    open_servers = []

    def start(play: Play) -> Server:
        context = _serving(play)
        server = context.__enter__()
        open_servers.append(context)
        return server

    yield start
    for context in open_servers:
        context.__exit__(None, None, None)


@pytest.fixture
def reach() -> Iterator[Callable[..., NetBox]]:
    """Connect to a NetBox."""
    made: list[NetBox] = []

    def make(
        url: str,
        token: str | FixedToken = SEED_TOKEN,
        observe: Callable[[CallFinished], None] = lambda _: None,
        settings: NetBoxSettings = NetBoxSettings(url="http://netbox"),  # noqa: B008 - frozen
    ) -> NetBox:
        source = FixedToken([token]) if isinstance(token, str) else token
        made.append(connect(replace(settings, url=url), source, observe, chance=lambda: 0.0))
        return made[-1]

    yield make
    for netbox in made:
        netbox.close()


class Admin(requests.Session):
    """NetBox's API, spoken to directly: to prepare what a test needs."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self.trust_env = False
        self.url = url
        self.token = token
        self.headers["Authorization"] = f"{'Bearer' if token.startswith('nbt_') else 'Token'} {token}"
        self._networks = _NETWORKS

    def make(self, path: str, **body: Json) -> dict[str, Any]:
        """Create an object."""
        answer = self.post(f"{self.url}/api/{path}/", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def network(self, length: int = 24) -> str:
        """A network that no other test uses."""
        return f"{next(self._networks)}/{length}"

    def fault(self, **fault: Json) -> None:
        """Set a fault of the emulator."""
        assert self.put(f"{self.url}/_emulator/faults", json=fault).status_code == 200

    def counts(self) -> dict[str, int]:
        """How many calls the emulator has seen, by method and path."""
        return dict(self.get(f"{self.url}/_emulator/requests").json()["counts"])


_NETWORKS = (f"10.{150 + n // 256}.{n % 256}.0" for n in itertools.count(os.getpid() % 200 * 64))
_SERVERS = ["4.7", "4.3", pytest.param("real", marks=pytest.mark.netbox)]


def prepared(url: str, token: str) -> Admin:
    """Give NetBox the claim fields."""

    async def prepare() -> None:
        netbox = connect(NetBoxSettings(url=url), FixedToken([token]))
        try:
            await bootstrap(netbox.line)
        finally:
            netbox.close()

    asyncio.run(prepare())
    return Admin(url, token)


@pytest.fixture(scope="session", params=_SERVERS)
def admin(request: pytest.FixtureRequest) -> Iterator[Admin]:
    """A NetBox with claim fields: both emulated versions, and a real one where there is one."""
    if request.param == "real":
        if not os.environ.get("BERTH_TEST_NETBOX_URL"):
            pytest.skip("needs a real NetBox: make test-netbox")
        with prepared(os.environ["BERTH_TEST_NETBOX_URL"], os.environ["BERTH_TEST_NETBOX_TOKEN"]) as session:
            yield session
    else:
        with running(create_app(version=request.param)) as url, prepared(url, SEED_TOKEN) as session:
            yield session


@pytest.fixture
def emulated() -> Iterator[Admin]:
    """An emulator of its own for a test that sets faults or counts calls."""
    with running(create_app()) as url, prepared(url, SEED_TOKEN) as session:
        session.delete(f"{url}/_emulator/requests")
        yield session


@pytest.fixture
def netbox(admin: Admin, reach: Callable[..., NetBox]) -> NetBox:
    """The room, connected to the NetBox of `admin`."""
    return reach(admin.url, admin.token)


@pytest.fixture
def unique() -> str:
    """A key that no other test uses, nor an earlier run on the same NetBox."""
    return f"room-{os.getpid()}-{next(_NUMBERS)}-{os.urandom(3).hex()}"


_NUMBERS = itertools.count()
