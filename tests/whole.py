"""A whole Berth in this process: composed as the program composes it, called over ASGI, on the emulator."""

from __future__ import annotations

import io
import json
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx2
import requests

from app.domain.policy import GatewayRule, Policy, PrefixSection
from app.emulator import SEED_TOKEN, create_app, running
from app.emulator.faults import Fault
from app.ledger.machine_records import MachineState
from app.ledger.ports import Tx
from app.main import Berth, compose
from app.policyfile.current import CurrentPolicy
from app.settings import Settings
from app.telemetry.logs import make_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from app.emulator import Emulator

LAB = "192.168.4.0/24"
TOKEN = "a-token-that-no-log-may-show-0123456789"
ALLOCATIONS = "/api/v1/allocations"
OPEN = Policy(sections=(PrefixSection(gateway=GatewayRule("first"), record_gateway=True),))


@dataclass
class NetBox:
    """An emulated NetBox, its faults and its counts."""

    url: str
    emulator: Emulator

    def api(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - NetBox's JSON
        """Ask it directly; the answer's JSON."""
        headers = {"Authorization": f"Token {SEED_TOKEN}"}
        answer = requests.request(method, f"{self.url}/api/{path}", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, *faults: Fault) -> None:
        """What it does to the next calls, instead of what it did before."""
        self.emulator.faults.faults = list(faults)

    def calls(self, method: str = "", part: str = "") -> int:
        """How many calls it has seen."""
        counts = self.emulator.faults.counts
        return sum(n for name, n in counts.items() if name.startswith(method) and part in name)


@contextmanager
def emulated(**options: Any) -> Iterator[NetBox]:  # noqa: ANN401 - create_app's
    """A NetBox with the demonstration's inventory, claim fields and all."""
    emulator = create_app(seed=True, **options)
    try:
        with running(emulator) as url:
            yield NetBox(url, emulator)
    finally:
        emulator.close()


@dataclass
class Whole:
    """Berth, a client of its API, and what it writes."""

    berth: Berth
    client: httpx2.AsyncClient
    log: io.StringIO
    audit: io.StringIO
    metrics: dict[str, float] = field(default_factory=dict)

    async def post(self, key: str = "", query: str = "", **words: Any) -> httpx2.Response:  # noqa: ANN401
        """Allocate from the lab's prefix, unless another is named."""
        body = {"prefix": LAB, **words} | ({"key": key} if key else {})
        return await self.client.post(ALLOCATIONS + query, json=body)

    async def get_stuck(self, key: str) -> None:
        """The retirement of a machine, something standing in its way, as operation 0."""

        def write(tx: Tx) -> None:
            entry = tx.machine(key)
            assert entry is not None
            stuck = {"state": MachineState.STUCK, "stuck_in": "retiring", "action": "retire"}
            tx.put_machine(replace(entry, operation="0", **stuck))  # type: ignore[arg-type]

        await self.berth.database.write(write)

    def sample(self, name: str, **labels: str) -> float:
        """A sample of the metrics as a scrape would see it now; 0 where there is none."""
        return self.berth.metrics.registry.get_sample_value(name, labels) or 0.0

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Every sample of that name, with its labels."""
        metrics = self.berth.metrics.registry.collect()
        return [(s.labels, s.value) for metric in metrics for s in metric.samples if s.name == name]

    def lines(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    async def records(self, **conditions: str) -> list[dict[str, Any]]:
        """The audit log."""
        rows: list[Any] = await self.berth.operations.ledger.events(conditions, 0, 10_000)
        return [row for _, row in rows]


def settings(url: str, folder: Path, token: str = SEED_TOKEN, **more: str) -> Settings:
    """Settings that suffice, and more by their variables in small letters without `BERTH_`."""
    return Settings.read(
        {
            "NETBOX_URL": url,
            "NETBOX_API_TOKEN": token,
            "BERTH_TOKEN": TOKEN,
            "BERTH_OWNER": "team",
            "BERTH_STATE_DIR": str(folder),
            **{f"BERTH_{name.upper()}": value for name, value in more.items()},
        }
    )


@asynccontextmanager
async def whole(
    url: str,
    folder: Path,
    policy: Policy | CurrentPolicy = OPEN,
    *,
    audit: io.StringIO | None = None,
    token: str = SEED_TOKEN,
    **more: str,
) -> AsyncIterator[Whole]:
    """Run a Berth: its lifespan and all, but for the socket."""
    log, lines = io.StringIO(), audit or io.StringIO()
    current = (lambda: policy) if isinstance(policy, Policy) else policy
    berth = compose(settings(url, folder, token, **more), current, make_logger(log), lines)
    app = berth.app()
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=transport, base_url="http://berth", headers={"Authorization": f"Bearer {TOKEN}"}
        ) as client,
    ):
        yield Whole(berth, client, log, lines)
