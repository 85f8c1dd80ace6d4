"""The whole HTTP application over the in-memory twin of the desk."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.app import Surroundings, build_app
from app.api.denials import Recorder, record_nowhere
from app.domain.commands import Caller
from app.edge.failures import FailedLogins
from app.edge.works import Works
from app.telemetry.logs import make_logger
from app.telemetry.metrics import Metrics
from tests.api.key_twin import KeyTwin
from tests.api.machine_twin import MachineTwin
from tests.api.twin import Twin


@dataclass(frozen=True)
class Tokens:
    """Knows four callers: `team`, another owner, one who sees little, and an operator."""

    known: dict[str, Caller] = field(
        default_factory=lambda: {
            "secret-of-team": Caller("team"),
            "secret-of-other": Caller("other"),
            "secret-of-narrow": Caller("narrow"),
            "secret-of-operator": Caller("operator", operator=True),
        }
    )

    async def authenticate(self, token: str, client_address: str) -> Caller | None:  # noqa: ARG002
        """Look it up."""
        return self.known.get(token)


@dataclass
class Rig:
    """An application, and everything that can be seen of it from outside."""

    twin: Twin = field(default_factory=Twin)
    metrics: Metrics = field(default_factory=Metrics)
    stream: io.StringIO = field(default_factory=io.StringIO)
    reasons: list[str] = field(default_factory=list)
    seconds: float = 20.0
    cors_origins: tuple[str, ...] = ()
    mb_per_gb: int = 1000
    record: Recorder = record_nowhere
    machines: MachineTwin = field(init=False)
    keys: KeyTwin = field(init=False)
    works: Works = field(init=False)

    def __post_init__(self) -> None:
        """Make what needs the log."""
        self.works = Works(seconds=self.seconds, log=make_logger(self.stream))
        self.machines = MachineTwin(self.twin)
        self.keys = KeyTwin(self.twin)

    async def ready(self) -> list[str]:
        """What stands in the way."""
        return self.reasons

    def app(self) -> FastAPI:
        """The application."""
        around = Surroundings(
            allow_http=True,
            metrics=self.metrics,
            log=make_logger(self.stream),
            readiness=self.ready,
            cors_origins=self.cors_origins,
            mb_per_gb=self.mb_per_gb,
            record=self.record,
            failures=FailedLogins(0),
        )
        return build_app(self.twin.desk(self.machines.desk(), self.keys.desk()), self.works, Tokens(), around)

    def lines(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def sample(self, name: str, **labels: str) -> float | None:
        """One sample of the metrics."""
        return self.metrics.registry.get_sample_value(name, labels)


AsCaller = Callable[[str], TestClient]


@pytest.fixture(scope="session")
def shared() -> tuple[Rig, FastAPI]:
    """One application for all tests: making one takes a quarter of a second."""
    rig = Rig()
    return rig, rig.app()


@pytest.fixture
def rig(shared: tuple[Rig, FastAPI]) -> Rig:
    """The parts of the application, as good as new but for the metrics."""
    rig = shared[0]
    rig.twin.reset()
    rig.machines.reset()
    rig.keys.reset()
    rig.reasons.clear()
    rig.stream.truncate(0)
    rig.stream.seek(0)
    return rig


@pytest.fixture
def as_caller(rig: Rig, shared: tuple[Rig, FastAPI]) -> Iterator[AsCaller]:
    """A client for each caller, by the owner's name."""
    with TestClient(shared[1], headers={"Authorization": "Bearer secret-of-team"}) as client:

        def chosen(owner: str) -> TestClient:
            client.headers["Authorization"] = f"Bearer secret-of-{owner}"
            return client

        yield chosen


@pytest.fixture
def api(as_caller: AsCaller) -> TestClient:
    """A client of the owner `team`."""
    return as_caller("team")
