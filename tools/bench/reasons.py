"""Why a target was missed, as far as the figures tell; what they do not tell can stand in a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .figures import median

if TYPE_CHECKING:
    from .results import Results
    from .targets import Target

_QUIET: Final = 0.05
"""With less than this share of the cores taken by other programs, the machine had nothing else to do."""


def reason(target: Target, results: Results | None) -> str:
    """What the figures say about a missed target."""
    if results is None or target.met is not False:
        return ""
    own = _computing(results) if target.id == "durable" else _ceiling(target, results)
    return "; ".join(each for each in (own, _others(results)) if each)


def others(results: Results) -> float | None:
    """The share of the cores that programs beside the benchmark took: the median over its loads."""
    cores = float(results.data["machine"]["cores"])
    return median(_foreign(cell, cores) for cell in results.data["cells"])


def _foreign(cell: dict[str, dict[str, float] | float], cores: float) -> float | None:
    cpu, elapsed = cell.get("cpu"), cell.get("elapsed")
    if not isinstance(cpu, dict) or not isinstance(elapsed, int | float) or "all" not in cpu:
        return None
    ours = sum(seconds for name, seconds in cpu.items() if name != "all")
    return max(0.0, cpu["all"] - ours) / (cores * elapsed)


def _others(results: Results) -> str:
    share = others(results)
    if share is None or share < _QUIET:
        return ""
    return f"other programs took {share:.0%} of the cores meanwhile"


def _computing(results: Results) -> str:
    """One process with one interpreter lock computes for one second a second."""
    spent = median(
        cell["cpu"]["berth"] / (cell["lists"]["count"] * cell["lists"]["mean"]) * 1000
        for cell in results.cells("instant", "berth", max(results.clients))
        if cell.get("lists") and "berth" in cell["cpu"]
    )
    if not spent:
        return ""
    told = f"an allocation takes {spent:.1f} ms of computing, and one Python process has a second a second"
    return f"{told}{_parts(results)}"


def _parts(results: Results) -> str:
    """What of that is there before a name is checked or NetBox asked, each part measured alone."""
    alone = results.data.get("parts")
    if not alone:
        return ""
    return (
        f": alone, the HTTP layer takes {alone['http']:.2f} ms (FastAPI with one bare route "
        f"{alone['framework']:.2f}), the two durable transactions {alone['ledger']:.2f}"
    )


def _ceiling(target: Target, results: Results) -> str:
    """What the read of the name costs is known where requests without a name were measured beside."""
    kind, _, rest = target.id.partition("-")
    place, _, clients = rest.partition("-")
    if kind != "ceiling":
        return ""
    share = results.times(place, ("bare", "lists"), int(clients))
    return f"requests without a name, which no read precedes, get to {share:.0%} of it" if share else ""
