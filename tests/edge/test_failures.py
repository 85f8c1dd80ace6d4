"""Wrong tokens from one address."""

from dataclasses import dataclass, field

import httpx2
import pytest

from app.domain.commands import Caller
from app.edge.boundary import Boundary
from app.edge.caller import Authentication
from app.edge.errors import TooManyFailures
from app.edge.failures import FailedLogins
from app.edge.requests import RequestLines
from app.telemetry.logs import make_logger
from app.telemetry.metrics import Metrics
from tests.edge.test_caller import who


@dataclass
class Counting:
    """Knows one token, and how often it was asked."""

    asked: list[str] = field(default_factory=list)

    async def authenticate(self, token: str, client_address: str) -> Caller | None:
        """Compare."""
        self.asked.append(client_address)
        return Caller("team") if token == "right" else None


@dataclass
class Door:
    """An application that lets three wrong tokens pass."""

    tokens: Counting = field(default_factory=Counting)
    told: list[str] = field(default_factory=list)
    most: int = 3

    def __post_init__(self) -> None:
        """Put it together."""
        guarded = Authentication(who, self.tokens, failures=FailedLogins(self.most, self.told.append))
        log = make_logger()
        self.app = RequestLines(Boundary(guarded, log), log, Metrics())

    async def ask(self, token: str | None, address: str = "192.0.2.7") -> httpx2.Response:
        """Send a request from an address."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        transport = httpx2.ASGITransport(app=self.app, client=(address, 1234))
        async with httpx2.AsyncClient(transport=transport, base_url="https://berth") as client:
            return await client.get("/api/x", headers=headers)


async def test_after_too_many_wrong_tokens_none_is_looked_at() -> None:
    """Not even the right one, from that address; others go on. The log hears of it once."""
    door = Door()
    assert [(await door.ask("wrong")).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    refused = await door.ask("right")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_failures")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert len(door.tokens.asked) == 3
    assert door.told == ["192.0.2.7"]
    assert (await door.ask("right", "192.0.2.8")).status_code == 200


async def test_the_right_token_and_none_at_all_are_not_counted() -> None:
    """Curl and Ansible send a request without any first, to be asked."""
    door = Door()
    for _ in range(10):
        assert (await door.ask(None)).status_code == 401
        assert (await door.ask("right")).status_code == 200


async def test_a_network_of_ipv6_is_one_address() -> None:
    """Whoever has one of its addresses has all of them; IPv4 in IPv6 is IPv4."""
    door = Door()
    for host in range(3):
        await door.ask("wrong", f"2001:db8::{host}")
    assert (await door.ask("right", "2001:db8::ffff")).status_code == 429
    assert (await door.ask("right", "2001:db8:0:1::1")).status_code == 200
    for host in range(3):
        await door.ask("wrong", f"::ffff:192.0.2.{host}")
    assert (await door.ask("right", "::ffff:192.0.2.1")).status_code == 200
    for _ in range(3):
        await door.ask("wrong", "no address")
    assert (await door.ask("right", "no address")).status_code == 429


async def test_the_limit_can_be_taken_off() -> None:
    """By 0."""
    door = Door(most=0)
    assert {(await door.ask("wrong")).status_code for _ in range(30)} == {401}


def test_a_minute_later_they_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's clock is the system's."""
    failures = FailedLogins(1)
    failures.count("192.0.2.7")
    with pytest.raises(TooManyFailures):
        failures.check("192.0.2.7")
    import time  # noqa: PLC0415 - only here

    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    failures.check("192.0.2.7")
