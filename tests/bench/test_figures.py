"""The statistics of the benchmark."""

from __future__ import annotations

import pytest

from tools.bench.figures import median, paired, percentile, ratio


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.5, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),  # whatever their order
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),  # nearest rank: a value that was measured
        ([float(each) for each in range(1, 101)], 0.99, 99.0),
        ([float(each) for each in range(1, 51)], 0.99, 50.0),  # of few the largest
        ([1.0, 2.0], 0.0, 1.0),
        ([], 0.5, None),  # what was not measured is not zero
    ],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float | None) -> None:
    """The smallest that is not smaller than this share of them."""
    assert percentile(values, share) == expected


def test_a_median_leaves_out_what_was_not_measured() -> None:
    """A round that failed does not count as zero."""
    assert median([3.0, None, 1.0]) == 2.0
    assert median([None]) is None


def test_a_ratio_needs_both_sides() -> None:
    """And nothing is how many times zero."""
    assert ratio(6.0, 2.0) == 3.0
    assert (ratio(None, 2.0), ratio(1.0, None), ratio(1.0, 0.0)) == (None, None, None)


def test_pairs_have_to_be_pairs() -> None:
    """A series that lost a call would be compared with the wrong ones."""
    assert paired([3.0, 5.0], [1.0, 2.0], lambda one, other: one - other) == [2.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        paired([1.0], [1.0, 2.0], lambda one, other: one - other)
