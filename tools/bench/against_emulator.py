"""`make bench`: what one Berth process can do, in front of an upstream that costs nothing or little."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import requests

from app.emulator import SEED_TOKEN

from . import parts
from .machine import machine, moment, versions
from .measure import Cell, Counters, commits, lone, measure, say, serving, starts
from .processes import BERTH_TOKEN, Load, Server, bootstrap, cold, cpu_seconds, emulator, instant, memory
from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PREFIX: Final = "10.0.0.0/10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything takes, in seconds, and how often it is done."""

    clients: tuple[int, ...] = (1, 8, 32, 64)
    rounds: int = 3
    seconds: float = 5.0
    warm: float = 1.0
    starts: int = 5
    known: int = 8
    lone: int = 60


QUICK: Final = Plan(clients=(1, 64), rounds=1, seconds=2.0, warm=0.5, starts=1, known=3, lone=6)


@dataclass(slots=True)
class Upstream:
    """An upstream with a Berth in front of it."""

    name: str
    url: str
    server: Server
    meters: dict[str, Callable[[], float]]
    plan: Plan
    prefix_id: int

    def spec(self, arm: str, clients: int, **more: Any) -> Spec:  # noqa: ANN401 - a spec's fields
        """A load."""
        values: dict[str, Any] = {
            "arm": "berth" if arm == "bare" else arm,
            "named": arm != "bare",
            "netbox": self.url,
            "netbox_token": SEED_TOKEN,
            "berth": self.server.url,
            "berth_token": BERTH_TOKEN,
            "clients": clients,
            "seconds": self.plan.seconds,
            "warm": self.plan.warm,
            "prefix": _PREFIX,
            "prefix_id": self.prefix_id,
            "run": f"{arm}-{clients}-{time.monotonic_ns():x}",
        }
        return Spec(**values | more)

    def load(self, arm: str, clients: int, number: int, **more: Any) -> Cell:  # noqa: ANN401 - as above
        """Measure one arm."""
        before = Counters.of(self.server)
        cell = Cell(place=self.name, arm=arm, clients=clients, round=number)
        cell, _ = measure(cell, self.spec(arm, clients, **more), self.meters, watch=False)
        after = Counters.of(self.server)
        cell.commits = commits(after, before)
        total, count = after.since(before, "berth_batch_addresses")
        cell.lists = {"count": count, "mean": total / count} if count else {}
        say(cell)
        return cell

    def repeats(self) -> list[Cell]:
        """Known keys asked for again."""
        most, run = max(self.plan.clients), f"known-{time.monotonic_ns():x}"
        known = {"run": run, "count": self.plan.known, "seconds": 600.0, "warm": 0.0}
        Load(self.spec("berth", most, **known)).outcome()
        return [
            self.load("repeat", clients, number, run=run, known=self.plan.known)
            for number in range(self.plan.rounds)
            for clients in self.plan.clients
        ]

    def lone(self, folder: Path) -> dict[str, Any]:
        """A caller who has Berth to himself."""
        with cold(folder / "cold", self.url, SEED_TOKEN) as forgetful:
            return lone((self.server, forgetful), self.spec("lone", 1, count=self.plan.lone), self.name)


def measured(folder: Path, *, quick: bool, rounds: int | None) -> dict[str, Any]:
    """Measure everything, or take a rough look."""
    plan = QUICK if quick else Plan()
    return run(folder, replace(plan, rounds=rounds or plan.rounds))


def run(folder: Path, plan: Plan) -> dict[str, Any]:
    """Measure everything; the result as it stands in its file."""
    began, started = moment(), time.monotonic()
    with ExitStack() as stack:
        upstreams = [_upstream(stack, folder, name, plan) for name in ("instant", "emulator")]
        first = starts(folder, upstreams[1].url, SEED_TOKEN, plan.starts)
        alone = [upstreams[1].lone(folder)]
        cells = _allocations(upstreams, plan) + upstreams[1].repeats()
        now, most = memory(upstreams[0].server.pid)
        pieces = parts.measured(folder, max(plan.clients), plan.seconds)
        return {
            "kind": "emulator",
            "began": began,
            "ended": {**moment(), "minutes": round((time.monotonic() - started) / 60, 1)},
            "machine": machine(),
            "versions": versions(),
            "plan": {"rounds": plan.rounds, "clients": list(plan.clients), "seconds": plan.seconds},
            "starts": first,
            "memory": {"now": round(now, 1), "most": round(most, 1)},
            "parts": pieces,
            "lone": alone,
            "cells": [cell.dump() for cell in cells],
        }


def _allocations(upstreams: list[Upstream], plan: Plan) -> list[Cell]:
    """Both upstreams with and without names, in turns; every second round backwards."""
    both = [(upstream, arm) for upstream in upstreams for arm in ("berth", "bare")]
    cells = []
    for number in range(plan.rounds):
        for clients in plan.clients:
            turns = both if number % 2 == 0 else both[::-1]
            cells += [upstream.load(arm, clients, number) for upstream, arm in turns]
    return cells


def _upstream(stack: ExitStack, folder: Path, name: str, plan: Plan) -> Upstream:
    made = (instant if name == "instant" else emulator)(folder / name)
    upstream = stack.enter_context(made)
    bootstrap(upstream.url, SEED_TOKEN)
    prefix_id = _prefix(upstream.url)
    server, meters = serving(stack, folder / f"before-{name}", upstream.url, SEED_TOKEN)
    meters["upstream"] = lambda: cpu_seconds(upstream.pid)
    return Upstream(name, upstream.url, server, meters, plan, prefix_id)


def _prefix(url: str) -> int:
    headers = {"Authorization": f"Token {SEED_TOKEN}"}
    body = {"prefix": _PREFIX}
    answer = requests.post(f"{url}/api/ipam/prefixes/", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return int(answer.json()["id"])
