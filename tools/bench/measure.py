"""One measurement: a load, what it cost whom, and what a bystander felt meanwhile."""

from __future__ import annotations

import re
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from .figures import percentile
from .processes import Load, Server, berth, busy_seconds, cpu_seconds, memory
from .spec import Outcome, Spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PAUSE: Final = 0.2
"""Seconds between two calls of the bystander: few enough not to be a load of their own."""


@dataclass(slots=True, kw_only=True)
class Cell:
    """What one load came to. Latencies are milliseconds, `cpu` what each process computed.

    Both `cpu` and `elapsed` are seconds, of the whole load with its start. `writes` are calls to NetBox that
    changed something, for each machine that was registered.
    """

    place: str
    arm: str
    clients: int
    round: int
    index: bool = True
    rate: float = 0.0
    done: int = 0
    p50: float | None = None
    p99: float | None = None
    failures: dict[str, int] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    status: dict[str, float | None] = field(default_factory=dict)
    lists: dict[str, float] = field(default_factory=dict)
    commits: dict[str, float] = field(default_factory=dict)
    doubled: int | None = None
    writes: float | None = None
    elapsed: float = 0.0

    def dump(self) -> dict[str, Any]:
        """As it stands in the result file: figures rounded, what was not measured left out."""
        return {name: _rounded(value) for name, value in asdict(self).items() if value not in ({}, None)}


def milliseconds(seconds: list[float], share: float) -> float | None:
    """A percentile in milliseconds."""
    found = percentile(seconds, share)
    return None if found is None else found * 1000


def measure(
    cell: Cell, spec: Spec, meters: dict[str, Callable[[], float]], *, watch: bool
) -> tuple[Cell, Outcome]:
    """Make the load of a cell. `meters` tell what others have computed, `watch` adds the bystander."""
    meters = {**meters, "all": busy_seconds}
    before, began = {name: meter() for name, meter in meters.items()}, time.monotonic()
    beside = replace(spec, arm="status", clients=1, pause=_PAUSE, count=None)
    watcher = Load(beside) if watch else None
    outcome = Load(spec).outcome()
    seen = watcher.outcome() if watcher else None
    cell.elapsed = time.monotonic() - began
    cell.cpu = {name: meter() - before[name] for name, meter in meters.items()}
    cell.cpu["load"] = outcome.cpu + (seen.cpu if seen else 0.0)
    cell.rate, cell.done, cell.failures = outcome.rate, outcome.done, outcome.failures
    cell.p50, cell.p99 = (milliseconds(outcome.latencies, share) for share in (0.5, 0.99))
    if seen is not None:
        cell.status = waits(seen)
    return cell, outcome


def waits(seen: Outcome) -> dict[str, float | None]:
    """What the bystander felt."""
    p50, p99 = (milliseconds(seen.latencies, share) for share in (0.5, 0.99))
    return {"p50": p50, "p99": p99, "count": len(seen.latencies)}


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums and counts of Berth's own histograms."""

    values: dict[str, float]

    @classmethod
    def of(cls, server: Server) -> Counters:
        """As they are now."""
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:  # noqa: S310 - our own server
            lines = answer.read().decode()
        found = re.findall(r"^(berth_\w+_(?:sum|count)) (\S+)$", lines, re.MULTILINE)
        return cls({name: float(value) for name, value in found})

    def since(self, before: Counters, name: str) -> tuple[float, float]:
        """The sum and the count that a histogram has gained."""
        total, count = (
            self.values.get(f"{name}_{part}", 0.0) - before.values.get(f"{name}_{part}", 0.0)
            for part in ("sum", "count")
        )
        return total, count


def lone(servers: tuple[Server, Server], spec: Spec, place: str) -> dict[str, Any]:
    """One caller, and how long a commit of his took; the second server is the one without memory."""
    before = Counters.of(servers[0])
    outcome = Load(replace(spec, cold=servers[1].url)).outcome()
    committed = commits(Counters.of(servers[0]), before)
    series = {name: [round(each * 1000, 2) for each in values] for name, values in outcome.series.items()}
    return {"place": place, "series": series, "commit": round(committed["mean"], 2)}


def commits(now: Counters, before: Counters) -> dict[str, float]:
    """How often the ledger committed, and how long that took on average, in milliseconds."""
    total, count = now.since(before, "berth_ledger_commit_seconds")
    return {"count": count, "mean": total / count * 1000 if count else 0.0}


def starts(folder: Path, netbox: str, token: str, count: int) -> list[dict[str, float]]:
    """Start Berth so many times with an empty ledger, and once more each with that ledger."""
    found = []
    for number in range(count):
        server = berth(folder / f"start-{number}", netbox, token)
        seconds = []
        for _ in range(2):
            with server:
                now, _most = memory(server.pid)
            seconds.append(server.seconds)
        found.append({"first": round(seconds[0], 3), "again": round(seconds[1], 3), "memory": round(now, 1)})
    return found


def serving(
    stack: ExitStack, folder: Path, netbox: str, token: str
) -> tuple[Server, dict[str, Callable[[], float]]]:
    """Berth, until the stack unwinds, and the meter of what it computes."""
    server = stack.enter_context(berth(folder / "berth", netbox, token))
    return server, {"berth": lambda: cpu_seconds(server.pid)}


def say(cell: Cell) -> None:
    """A line for whoever waits."""
    shown = [f"{cell.place:9} {cell.arm:7} {cell.clients:3} clients  {cell.rate:8.1f}/s"]
    shown += [f"p50 {cell.p50 or 0:7.0f} ms  p99 {cell.p99 or 0:7.0f} ms"]
    shown += [f"status {cell.status['p50']:5.0f} ms" if cell.status.get("p50") else ""]
    shown += [f"lists of {cell.lists['mean']:.1f}" if cell.lists else "", f"{cell.failures or ''}"]
    print("  ".join(each for each in shown if each), flush=True)


def _rounded(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value
