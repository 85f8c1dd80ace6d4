"""`python -m tools.bench.parts`: parts of an allocation, each alone, in milliseconds of computing.

framework  FastAPI and uvicorn with one route that takes the body of an allocation and does nothing
http       Berth's whole HTTP layer, with a desk behind it that answers at once
ledger     the two durable transactions, as many at once as there are clients
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from fastapi import FastAPI, Response

from app.access.tokens import StaticTokens, owner_client
from app.api.app import NO_TELEMETRY, Surroundings, build_app
from app.api.desk import Desk
from app.api.schemas import AllocationRequest
from app.domain.inventory import Address
from app.domain.policy import Policy
from app.edge.works import Works
from app.ledger.ledger import Ledger, landed
from app.ledger.records import Entry, Event, State
from app.main import keep_for_good
from app.netbox.translate import interface
from app.operations.answers import Result
from app.operations.echo import Route, show
from app.store import open_database
from app.telemetry.logs import configure_logs

from .processes import BERTH_TOKEN, ROOT, Load, Server, cpu_seconds
from .spec import Spec

if TYPE_CHECKING:
    from app.domain.commands import Caller, Wish

_PREFIX: Final = "10.0.0.0/10"
_ROUNDS: Final = 20
_ADDRESS: Final = Address(
    id=1,
    address=interface("10.0.0.1/10"),
    vrf=None,
    dns_name="made-up.bench.test",
    description="Made by the benchmark",
    status="active",
    role=None,
    tenant=None,
    tags=(),
    custom_fields={},
    key="made-up",
    owner="default",
    assigned=None,
    url="http://netbox.test/ipam/ip-addresses/1/",
)


def measured(folder: Path, clients: int, seconds: float) -> dict[str, float]:
    """Each part, with so many clients for so many seconds."""
    found = {name: _served(folder / name, name, clients, seconds) for name in ("framework", "http")}
    command = [sys.executable, "-m", "tools.bench.parts", "ledger", str(folder / "alone.db"), str(clients)]
    alone = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 - our own program
    return {name: round(value, 3) for name, value in {**found, "ledger": float(alone.stdout)}.items()}


def _served(folder: Path, name: str, clients: int, seconds: float) -> float:
    """What a request costs the server, over real connections."""
    server = Server([sys.executable, "-m", "tools.bench.parts", name], {}, folder, "/healthz")
    server.command.append(str(server.port))
    with server:
        before = cpu_seconds(server.pid)
        spec = Spec(
            arm="berth",
            netbox="",
            netbox_token="",
            berth=server.url,
            berth_token=BERTH_TOKEN,
            clients=clients,
            seconds=seconds,
            warm=0.0,
            prefix=_PREFIX,
            run=name,
        )
        done = Load(spec).outcome().done
        return (cpu_seconds(server.pid) - before) / max(1, done) * 1000


def framework() -> FastAPI:
    """FastAPI as it is."""
    app = FastAPI(telemetry=dict(NO_TELEMETRY))  # type: ignore[arg-type]

    @app.post("/api/v1/allocations")
    async def allocate(body: AllocationRequest) -> Response:
        """Do nothing."""
        return Response(body.key)

    return app


def http() -> FastAPI:
    """Berth's HTTP layer, in front of a desk that has the answer."""
    entry = Entry(key="made-up", owner="default", state=State.DONE, operation="made-up", family=4)

    async def answer(_caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        return Result(show(entry, _ADDRESS, wish.sent, Route()), created=not dry_run)

    verbs: dict[str, Any] = dict.fromkeys((field.name for field in fields(Desk)), answer)
    tokens = StaticTokens((owner_client("default", BERTH_TOKEN),), Policy.default)
    return build_app(Desk(**verbs), Works(), tokens, Surroundings(log=configure_logs()))


async def ledger(path: Path, clients: int) -> float:
    """What the two transactions of an allocation cost."""
    numbers = itertools.count(1)
    with closing(open_database(f"sqlite:///{path}", "alone")) as database:
        verbs = Ledger(database, time.time, lambda: f"operation-{next(numbers)}")
        began = time.process_time()
        for _ in range(_ROUNDS):
            await asyncio.gather(*(_both(verbs, next(numbers)) for _ in range(clients)))
        return (time.process_time() - began) / (_ROUNDS * clients) * 1000


async def _both(verbs: Ledger, number: int) -> None:
    key = f"berth-{number}"
    name = f"{key}.bench.test"
    event = Event(event="intent", action="allocate", time=0.0, key=key, owner="default", name=name)
    entry = Entry(
        key=key,
        owner="default",
        state=State.PENDING,
        operation="",
        family=4,
        dns_name=name,
        name_claim=f"0/4/{name}",
        prefix=_PREFIX,
        sent={"prefix": _PREFIX, "dns_name": name, "description": "Made by the benchmark"},
    )
    begun = await verbs.begin(event, entry, expected=None)
    address = replace(_ADDRESS, id=number, dns_name=name)
    await verbs.settle(begun, landed(begun.entry, address), "allocated")


def main() -> None:
    """Serve a part, or run the ledger and print what it cost."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.parts", description=__doc__)
    parser.add_argument("part", choices=["framework", "http", "ledger"])
    parser.add_argument("place", help="the port, or the ledger's file")
    parser.add_argument("clients", type=int, nargs="?", default=1)
    options = parser.parse_args()
    if options.part == "ledger":
        sys.stdout.write(str(asyncio.run(ledger(Path(options.place), options.clients))))
        return
    app = framework() if options.part == "framework" else http()
    keep_for_good()
    config = uvicorn.Config(app, port=int(options.place), log_config=None, access_log=False, ws="none")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
