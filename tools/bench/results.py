"""What a result file says: medians over rounds, and ratios of what was measured in one run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .figures import median, paired, ratio

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Results:
    """One result file."""

    data: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Results | None:
        """The file, None where nothing was measured yet."""
        return cls(json.loads(path.read_text())) if path.exists() else None

    @classmethod
    def nothing(cls) -> Results:
        """The results of a bench that was never run."""
        return cls({"plan": {"clients": []}, "cells": [], "lone": [], "starts": [], "memory": {}})

    @property
    def clients(self) -> list[int]:
        """The numbers of clients that were tried."""
        return list(self.data["plan"]["clients"])

    def cells(self, place: str, arm: str, clients: int | None, *, index: bool = True) -> list[dict[str, Any]]:
        """Every round of one measurement. Without a number of clients, of all numbers."""
        return [
            cell
            for cell in self.data["cells"]
            if (cell["place"], cell["arm"], cell["index"]) == (place, arm, index)
            and clients in (None, cell["clients"])
        ]

    def of(self, place: str, arm: str, clients: int | None, path: str, *, index: bool = True) -> float | None:
        """The median over the rounds of a figure such as `rate` or `status.p50`."""
        return median(_at(cell, path) for cell in self.cells(place, arm, clients, index=index))

    def times(
        self, place: str, arms: tuple[str, str], clients: int, path: str = "rate", *, index: bool = True
    ) -> float | None:
        """How many times the second arm's figure the first one's is: the median of the rounds' ratios."""
        sides = [self.cells(place, arm, clients, index=index) for arm in arms]
        return _times(sides[0], sides[1], path)

    def machines(self, one: tuple[str, int | None], other: tuple[str, int | None]) -> float | None:
        """How many times faster than the other way the one registers machines; ways are arm and clients."""
        sides = [self.cells("machines", arm, clients) for arm, clients in (one, other)]
        return _times(sides[0], sides[1], "rate")

    def lone(self, place: str) -> Lone | None:
        """What was measured of a lone caller."""
        found = [each for each in self.data["lone"] if each["place"] == place]
        return Lone(found[0]["series"], found[0]["commit"]) if found else None

    def starts(self, name: str) -> float | None:
        """The median of a figure of the starts."""
        return median(each[name] for each in self.data["starts"])

    def failures(self) -> dict[str, int]:
        """Every call that was not answered as it should be, by arm and what came instead."""
        found: dict[str, int] = {}
        for cell in self.data["cells"]:
            for what, count in cell.get("failures", {}).items():
                name = f"{cell['arm']}: {what}"
                found[name] = found.get(name, 0) + count
        return found

    def doubled(self) -> int:
        """How many addresses NetBox held twice, at the end of any load."""
        return max((cell.get("doubled", 0) for cell in self.data["cells"]), default=0)


@dataclass(frozen=True, slots=True)
class Lone:
    """A lone caller's calls, in milliseconds; those with one number were made one after the other."""

    series: dict[str, list[float]]
    commit: float

    def median(self, name: str) -> float | None:
        """Of one way."""
        return median(self.series.get(name, ()))

    def overhead(self, through: str = "berth") -> float | None:
        """Berth beyond the direct call, the read of the name and the two commits: the median of the pairs."""
        if through not in self.series:
            return None
        before = paired(self.series["direct"], self.series["read"], _plus)
        beyond = median(paired(self.series[through], before, _minus))
        return None if beyond is None else beyond - 2 * self.commit


def _times(ones: list[dict[str, Any]], others: list[dict[str, Any]], path: str) -> float | None:
    sides = [{cell["round"]: _at(cell, path) for cell in cells} for cells in (ones, others)]
    both = sides[0].keys() & sides[1].keys()
    return median(ratio(sides[0][number], sides[1][number]) for number in both)


def _plus(one: float, other: float) -> float:
    return one + other


def _minus(one: float, other: float) -> float:
    return one - other


def _at(cell: dict[str, Any], path: str) -> float | None:
    value: Any = cell
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) else None
