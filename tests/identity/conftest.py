"""A real issuer, and what verifies its tokens."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from app.domain.identity import Issuer
from app.identity import Providers, Verifier
from app.identity.fetch import HttpFetch
from tests.identity.issuer import LoopbackIssuer, serving


@dataclass
class Clock:
    """Gives the time that a test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The moment."""
        return self.now


@dataclass
class Desk:
    """A verifier with a clock of its own for what it remembers, and the real time for tokens."""

    issuer: LoopbackIssuer
    clock: Clock = field(default_factory=Clock)
    troubles: list[str] = field(default_factory=list)
    fetch: HttpFetch = field(default_factory=lambda: HttpFetch(seconds=0.5))
    providers: Providers = field(init=False)
    verifier: Verifier = field(init=False)

    def __post_init__(self) -> None:
        """Put it together."""
        self.providers = Providers(self.fetch, self.clock, self.troubles.append)
        self.verifier = Verifier(self.providers)

    def trusted(self, **changes: object) -> Issuer:
        """The issuer as a policy would name it."""
        values = {"url": self.issuer.url, "audiences": ("berth",), **changes}
        return Issuer(**values)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def server() -> Iterator[LoopbackIssuer]:
    """One issuer for all tests."""
    with serving() as issuer:
        yield issuer


@pytest.fixture
def desk(server: LoopbackIssuer) -> Iterator[Desk]:
    """A verifier that knows nothing yet."""
    server.well()
    desk = Desk(server)
    yield desk
    desk.fetch.close()
    server.well()
