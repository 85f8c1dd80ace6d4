"""Small statistics: percentiles of latencies, medians over rounds, ratios."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of the values that is not smaller than this share of them (nearest rank).

    None of none: a figure that was not measured is not zero.
    """
    if not values:
        return None
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[min(len(ordered), max(1, int(rank))) - 1]


def median(values: Iterable[float | None]) -> float | None:
    """The median of those that were measured, None of none."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(one: float | None, other: float | None) -> float | None:
    """How many times the other the one is, None where either is missing or the other is zero."""
    return None if one is None or not other else one / other


def paired(
    ones: Sequence[float], others: Sequence[float], how: Callable[[float, float], float]
) -> list[float]:
    """What `how` makes of each pair; the pairs were measured one after the other.

    Raises:
        ValueError: they do not come in pairs.
    """
    return [how(one, other) for one, other in zip(ones, others, strict=True)]
