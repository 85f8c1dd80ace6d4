"""`make bench-netbox`: Berth against the same clients without it, in front of a real NetBox."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from app.netbox.setup import DNS_INDEX_SQL
from app.settings import Settings

from .machine import machine, moment, versions
from .measure import Cell, Counters, commits, lone, measure, say, serving, starts, waits
from .netbox import NetBox, Place, running
from .processes import BERTH_TOKEN, Load, Server, cold, memory
from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL: Final = Place("1000", "10.201.0.0", 1_000)
LARGE: Final = Place("30000", "10.202.0.0", 30_000)
OTHERS: Final = [Place("other1", "10.203.0.0", 40_000), Place("other2", "10.204.0.0", 29_000)]
MACHINES: Final = "machines"
THREADS: Final = 10
LONE_MACHINES: Final = 5
MANY: Final = 32
"""With so many clients more is compared: requests without a name, and NetBox without the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything takes. `seconds` by place; `warm` seconds before that do not count."""

    clients: tuple[int, ...] = (1, 8, 32, 64)
    rounds: int = 3
    seconds: dict[str, float] = field(default_factory=lambda: {SMALL.name: 6.0, LARGE.name: 10.0})
    warm: float = 2.0
    lone: int = 40
    starts: int = 5
    known: int = 8
    machines: int = 50


QUICK: Final = Plan(
    clients=(1, 32),
    rounds=1,
    seconds={SMALL.name: 3.0, LARGE.name: 4.0},
    warm=1.0,
    lone=6,
    starts=1,
    known=3,
    machines=6,
)


@dataclass(slots=True)
class Bench:
    """A NetBox, a Berth in front of it, and what was measured so far."""

    netbox: NetBox
    server: Server
    ids: dict[str, int]
    plan: Plan
    meters: dict[str, Callable[[], float]]
    cells: list[Cell] = field(default_factory=list)
    sizes: list[int] = field(default_factory=lambda: [1])

    def spec(self, place: Place, arm: str, clients: int, **more: Any) -> Spec:  # noqa: ANN401 - a spec's fields
        """A load on a place."""
        values: dict[str, Any] = {
            "arm": "berth" if arm == "bare" else arm,
            "named": arm != "bare",
            "netbox": self.netbox.url,
            "netbox_token": self.netbox.token,
            "berth": self.server.url,
            "berth_token": BERTH_TOKEN,
            "clients": clients,
            "seconds": self.plan.seconds[place.name],
            "warm": self.plan.warm,
            "prefix": place.prefix,
            "prefix_id": self.ids[place.name],
            "run": f"{arm}-{place.name}-{clients}-{time.monotonic_ns():x}",
        }
        return Spec(**values | more)

    def load(self, place: Place, arm: str, clients: int, number: int, *, index: bool = True) -> None:
        """Measure one arm, and leave NetBox as it was."""
        flights = Settings.model_fields["batch_flights"].default
        spec = self.spec(place, arm, flights if arm == "lists" else clients, sizes=self.sizes)
        before = Counters.of(self.server)
        cell = Cell(place=place.name, arm=arm, clients=clients, round=number, index=index)
        cell, outcome = measure(cell, spec, self.meters, watch=True)
        sizes = self.netbox.sizes(outcome.began, outcome.ended)
        cell.lists = {"count": len(sizes), "mean": sum(sizes) / len(sizes)} if sizes else {}
        cell.commits = commits(Counters.of(self.server), before)
        cell.doubled = self.netbox.doubled()
        if arm == "berth" and sizes:
            self.sizes = sizes
        self.netbox.sweep()
        self._keep(cell)

    def idle(self, place: Place, clients: int, number: int) -> None:
        """What the bystander feels when nobody allocates."""
        seen = Load(self.spec(place, "status", 1, seconds=3.0, warm=0.5, pause=0.1)).outcome()
        cell = Cell(place=place.name, arm="idle", clients=clients, round=number, status=waits(seen))
        self._keep(cell)

    def place(self, place: Place, clients: int, arms: list[str], *, index: bool = True) -> None:
        """All arms in turns; every second round backwards."""
        for number in range(self.plan.rounds):
            if index and clients == 1:
                self.idle(place, clients, number)
            for arm in arms if number % 2 == 0 else arms[::-1]:
                self.load(place, arm, clients, number, index=index)

    def repeats(self, place: Place) -> None:
        """Known keys asked for again: each answer has a read of NetBox behind it."""
        most, run = max(self.plan.clients), f"known-{time.monotonic_ns():x}"
        known = {"run": run, "count": self.plan.known, "seconds": 600.0, "warm": 0.0}
        Load(self.spec(place, "berth", most, **known)).outcome()
        for number in range(self.plan.rounds):
            for clients in self.plan.clients:
                spec = self.spec(place, "repeat", clients, run=run, known=self.plan.known, seconds=4.0)
                cell = Cell(place=place.name, arm="repeat", clients=clients, round=number)
                self._keep(measure(cell, spec, self.meters, watch=True)[0])
        self.netbox.sweep()

    def lone(self, place: Place, forgetful: Server) -> dict[str, Any]:
        """A caller who has Berth and NetBox to himself."""
        spec = self.spec(place, "lone", 1, count=self.plan.lone)
        found = lone((self.server, forgetful), spec, place.name)
        self.netbox.sweep()
        return found

    def machines(self) -> None:
        """So many machines by script, by script with threads, and through Berth; in turns."""
        ways = [("vm-script", 1), ("vm-script", THREADS), ("vm-batch", 1), ("vm-single", self.plan.machines)]
        for arm, clients in ways:  # what NetBox's processes do for the first time takes seconds
            self._machines(arm, clients, LONE_MACHINES)
        for number in range(self.plan.rounds):
            for arm, clients in ways if number % 2 == 0 else ways[::-1]:
                self._keep(self._machines(arm, clients, self.plan.machines, number))
            self._keep(self._machines("vm-lone", 1, LONE_MACHINES, number))

    def _machines(self, arm: str, clients: int, count: int, number: int = 0) -> Cell:
        cell = Cell(place=MACHINES, arm=arm, clients=clients, round=number)
        spec = self.spec(SMALL, arm, clients, count=count, cluster=self.netbox.cluster)
        cell, outcome = measure(cell, spec, self.meters, watch=False)
        writes = self.netbox.writes(outcome.began, outcome.ended)
        cell.writes = writes / outcome.done if outcome.done else None
        cell.doubled = self.netbox.doubled()
        self.netbox.sweep()
        return cell

    def warm_up(self) -> None:
        """Let each of NetBox's processes do everything once: the first time takes it seconds."""
        for arm, clients in (("direct", 32), ("read", 16), ("lists", 16), ("berth", 32)):
            Load(self.spec(SMALL, arm, clients, seconds=4.0, sizes=[3])).outcome()
        self.netbox.sweep()

    def _keep(self, cell: Cell) -> None:
        self.cells.append(cell)
        say(cell)


def measured(folder: Path, *, quick: bool, rounds: int | None, dns_index: bool = False) -> dict[str, Any]:
    """Measure everything, or take a rough look; with an index on names where that is wanted."""
    plan = QUICK if quick else Plan()
    return run(folder, replace(plan, rounds=rounds or plan.rounds), dns_index=dns_index)


def run(folder: Path, plan: Plan, *, dns_index: bool) -> dict[str, Any]:
    """Measure everything; the result as it stands in its file."""
    began, started = moment(), time.monotonic()
    with running() as netbox, ExitStack() as stack:
        places = [SMALL, LARGE, *OTHERS]
        ids = netbox.fill(places)
        if dns_index:
            netbox.sql(DNS_INDEX_SQL, "VACUUM ANALYZE ipam_ipaddress")
        first = starts(folder, netbox.url, netbox.token, plan.starts)
        server, meters = serving(stack, folder, netbox.url, netbox.token)
        bench = Bench(netbox, server, ids, plan, {**meters, "netbox": netbox.cpu})
        alone = _everything(bench, folder)
        now, most = memory(server.pid)
        return {
            "kind": "netbox",
            "began": began,
            "ended": {**moment(), "minutes": round((time.monotonic() - started) / 60, 1)},
            "machine": machine(),
            "versions": {**versions(), **netbox.versions()},
            "plan": {
                "rounds": plan.rounds,
                "clients": list(plan.clients),
                "seconds": plan.seconds,
                "machines": plan.machines,
                "dns_index": dns_index,
            },
            "addresses": {place.name: place.used for place in places},
            "starts": first,
            "memory": {"now": round(now, 1), "most": round(most, 1)},
            "lone": alone,
            "cells": [cell.dump() for cell in bench.cells],
        }


def _everything(bench: Bench, folder: Path) -> list[dict[str, Any]]:
    bench.warm_up()
    with cold(folder / "cold", bench.netbox.url, bench.netbox.token) as forgetful:
        alone = [bench.lone(place, forgetful) for place in (SMALL, LARGE)]
    bench.machines()
    for place in (SMALL, LARGE):
        for clients in bench.plan.clients:
            bench.place(place, clients, ["direct", "berth", *(["bare"] if clients == MANY else []), "lists"])
    bench.repeats(SMALL)
    bench.netbox.index(on=False)
    for place in (SMALL, LARGE):
        bench.place(place, MANY, ["berth", "lists"], index=False)
    bench.netbox.index(on=True)
    return alone
