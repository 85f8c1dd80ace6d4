"""docs/benchmarks.md and its plots, from the result files and a template."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from . import tables
from .reasons import others, reason
from .results import Results
from .svg import Panel, plot
from .targets import of_emulator, of_netbox, targets

if TYPE_CHECKING:
    from collections.abc import Callable

_TEMPLATE: Final = Path(__file__).with_name("page.md")
_NOT_YET: Final = "*Not measured yet.*"
_PLACES: Final = {"1000": "1 000 addresses", "30000": "30 000 addresses"}


def write(docs: Path) -> None:
    """Write the page and the plots of what was measured so far."""
    folder = docs / "benchmarks"
    netbox, emulator = (Results.read(folder / "results" / f"{name}.json") for name in ("netbox", "emulator"))
    (docs / "benchmarks.md").write_text(
        page(netbox, emulator, notes(folder / "notes.json", netbox, emulator))
    )
    if netbox is not None:
        (folder / "load.svg").write_text(load_plot(netbox))
        (folder / "bystander.svg").write_text(bystander_plot(netbox))


def notes(file: Path, *results: Results | None) -> dict[str, str]:
    """What a person wrote about targets; a note counts only for the run that it was written about.

    The file holds, for each moment at which a run began (as in its result file), notes by the target's id.
    """
    if not file.exists():
        return {}
    written: dict[str, dict[str, str]] = json.loads(file.read_text())
    found: dict[str, str] = {}
    for each in results:
        found |= written.get(each.data["began"]["at"], {}) if each else {}
    return found


def page(netbox: Results | None, emulator: Results | None, written: dict[str, str]) -> str:
    """The whole page."""
    return Template(_TEMPLATE.read_text()).substitute(
        targets=tables.verdicts(targets(netbox, emulator), whys(netbox, emulator, written)),
        about_netbox=_or(netbox, about),
        load_plot=_or(netbox, lambda _: "![Throughput and p99 by clients](benchmarks/load.svg)"),
        bystander_plot=_or(netbox, lambda _: "![A bystander's latency](benchmarks/bystander.svg)"),
        small=_or(netbox, lambda results: tables.throughput(results, "1000")),
        large=_or(netbox, lambda results: tables.throughput(results, "30000")),
        variants=_or(netbox, tables.variants),
        bystander=_or(netbox, tables.bystander),
        lone=_or(netbox, tables.lone),
        machines=_or(netbox, tables.machines),
        repeats_netbox=_or(netbox, lambda results: tables.repeats(results, "1000")),
        sound=_or(netbox, sound),
        about_emulator=_or(emulator, about),
        lone_emulator=_or(emulator, tables.lone),
        durable=_or(emulator, tables.durable),
        repeats_emulator=_or(emulator, lambda results: tables.repeats(results, "emulator")),
        start=_or(emulator, tables.start),
    )


def whys(netbox: Results | None, emulator: Results | None, written: dict[str, str]) -> dict[str, str]:
    """By target: what the figures say, then what a person wrote."""
    judged = [(each, netbox) for each in of_netbox(netbox)]
    judged += [(each, emulator) for each in of_emulator(emulator)]
    said = {each.id: [reason(each, results), written.get(each.id, "")] for each, results in judged}
    return {name: "; ".join(part for part in parts if part) for name, parts in said.items()}


def about(results: Results) -> str:
    """On what, with what and when."""
    data = results.data
    machine = data["machine"]
    software = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    filled = data.get("addresses", {})
    hardware = (
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, {machine['system']}"
    )
    begun = f"Begun {data['began']['at']} at a load average of {data['began']['load']}"
    lines = [
        f"{hardware}; {software}.",
        f"{begun}, took {data['ended']['minutes']:.0f} minutes; rounds: {data['plan']['rounds']}.",
    ]
    share = others(results)
    if share is not None:
        lines.append(f"Programs beside the benchmark took {share:.0%} of the cores meanwhile.")
    if data["plan"].get("dns_index"):
        lines.append("NetBox had an index on names besides.")
    if filled:
        lines.append(f"NetBox held {sum(filled.values()):,} addresses before.".replace(",", " "))
    return "\n".join(lines)


def sound(results: Results) -> str:
    """Whether the figures are of work that was done right."""
    failures = ", ".join(f"{what} ({count})" for what, count in results.failures().items())
    return (
        f"After every load, addresses that NetBox held twice were counted: {results.doubled()} at the most. "
        f"Calls that were not answered as they should be: {failures or 'none'}."
    )


def load_plot(results: Results) -> str:
    """Throughput and p99 by number of clients."""
    arms = {"direct": "direct", "Berth": "berth", "ceiling": "lists"}
    rates = [
        Panel(f"Throughput, {title}", "addresses /s", _lines(results, place, arms, "rate"))
        for place, title in _PLACES.items()
    ]
    arms.pop("ceiling")
    tails = [
        Panel(f"p99, {title}", "ms", _lines(results, place, arms, "p99")) for place, title in _PLACES.items()
    ]
    return plot("By number of clients", [str(each) for each in results.clients], [rates, tails])


def bystander_plot(results: Results) -> str:
    """An unrelated read while others allocate."""
    panels = []
    for place, title in _PLACES.items():
        idle = results.of(place, "idle", None, "status.p50")
        lines = _lines(results, place, {"direct": "direct", "Berth": "berth"}, "status.p50")
        panels.append(
            Panel(f"GET /api/status/, {title}", "median, ms", {"idle": [idle] * len(results.clients)} | lines)
        )
    return plot(
        "A bystander's latency, by number of clients", [str(each) for each in results.clients], [panels]
    )


def _lines(results: Results, place: str, arms: dict[str, str], path: str) -> dict[str, list[float | None]]:
    return {
        name: [results.of(place, arm, clients, path) for clients in results.clients]
        for name, arm in arms.items()
    }


def _or(results: Results | None, make: Callable[[Results], str]) -> str:
    return _NOT_YET if results is None else make(results)
