"""The targets, and whether they were met: each a comparison of a measured figure with a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .results import Results

if TYPE_CHECKING:
    from collections.abc import Iterator

CEILING: Final = 0.9
DIRECT: Final = {"1000": 3.0, "30000": 8.0}
BYSTANDER: Final = 3.0
LONE_MS: Final = 10.0
DURABLE: Final = 1000.0
START_SECONDS: Final = 2.0
MEMORY_MIB: Final = 150.0
TARGET_CLIENTS: Final = (32, 64)
MACHINE_WRITES: Final = 4
SCRIPT: Final = ("vm-script", 1)
THREADS: Final = ("vm-script", 10)


@dataclass(frozen=True, slots=True)
class Target:
    """One of them. `met` is None where it was not measured; `id` is what a note refers to."""

    id: str
    text: str
    wanted: str
    measured: str
    met: bool | None

    @property
    def mark(self) -> str:
        """In a word."""
        return {True: "met", False: "**missed**", None: "not measured"}[self.met]


def _least(name: str, text: str, value: float | None, wanted: float, form: str) -> Target:
    met = None if value is None else value >= wanted
    return Target(name, text, "at least " + form.format(wanted), _shown(value, form), met)


def _below(name: str, text: str, value: float | None, wanted: float, form: str) -> Target:
    met = None if value is None else value < wanted
    return Target(name, text, "under " + form.format(wanted), _shown(value, form), met)


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def targets(netbox: Results | None, emulator: Results | None) -> list[Target]:
    """All of them, measured or not: a target that is left out looks like one that is met."""
    return [*of_netbox(netbox), *of_emulator(emulator)]


def of_netbox(results: Results | None) -> list[Target]:
    """Those of Berth against a real NetBox."""
    return list(_of_netbox(results or Results.nothing()))


def of_emulator(results: Results | None) -> list[Target]:
    """Those of Berth alone."""
    return list(_of_emulator(results or Results.nothing()))


def _of_netbox(results: Results) -> Iterator[Target]:
    for place, factor in DIRECT.items():
        for clients in TARGET_CLIENTS:
            yield from _under_load(results, place, clients, factor)
    for place in DIRECT:
        lone = results.lone(place)
        text = f"A lone allocation beyond direct call, read of the name and two commits, {place} addresses"
        yield _below(f"lone-{place}", text, lone.overhead() if lone else None, LONE_MS, "{:.1f} ms")
    yield from _of_machines(results)


def _of_machines(results: Results) -> Iterator[Target]:
    compared = {
        "batch": ("in one batch: times a script", ("vm-batch", None), SCRIPT, 3.0),
        "single": ("in concurrent calls: times a script", ("vm-single", None), SCRIPT, 2.0),
        "threads": ("in concurrent calls: times a script with 10 threads", ("vm-single", None), THREADS, 1.0),
    }
    for name, (how, one, other, wanted) in compared.items():
        times = results.machines(one, other)
        yield _least(f"machines-{name}", f"Machines {how}", times, wanted, "{:.1f}")
    writes = results.of("machines", "vm-lone", None, "writes")
    text = "Writes to NetBox for a lone machine with an IPv4"
    met = None if writes is None else writes <= MACHINE_WRITES
    yield Target("machines-writes", text, f"at most {MACHINE_WRITES}", _shown(writes, "{:.1f}"), met)


def _under_load(results: Results, place: str, clients: int, factor: float) -> Iterator[Target]:
    where = f"{clients} clients, {place} addresses"
    share = results.times(place, ("berth", "lists"), clients)
    yield _least(
        f"ceiling-{place}-{clients}", f"Throughput, {where}: share of the ceiling", share, CEILING, "{:.0%}"
    )
    times = results.times(place, ("berth", "direct"), clients)
    yield _least(f"direct-{place}-{clients}", f"Throughput, {where}: times direct", times, factor, "{:.1f}")
    tail = results.times(place, ("berth", "direct"), clients, "p99")
    yield _below(f"p99-{place}-{clients}", f"p99, {where}: times direct", tail, 1.0, "{:.2f}")
    if place == "1000":
        idle = results.of(place, "idle", None, "status.p50")
        seen = results.of(place, "berth", clients, "status.p50")
        value = seen / idle if seen is not None and idle else None
        yield _below(
            f"status-{clients}", f"Bystander, {where}: times idle (median)", value, BYSTANDER, "{:.1f}"
        )


def _of_emulator(results: Results) -> Iterator[Target]:
    rates = [results.of("instant", "berth", each, "rate") for each in results.clients]
    rate = max((each for each in rates if each is not None), default=None)
    text = "Durable allocations a second, one process, instant upstream"
    yield _least("durable", text, rate, DURABLE, "{:.0f}")
    yield _below("start", "Ready after (empty ledger)", results.starts("first"), START_SECONDS, "{:.2f} s")
    most = results.data["memory"].get("most")
    yield _below("memory", "Resident memory at its most, under that load", most, MEMORY_MIB, "{:.0f} MiB")
