"""Patterns that operators write: RE2, so that matching takes linear time whatever the pattern and the name.

RE2 knows no look-around, no back-references and no repeats beyond 1000. There is no fall-back to `re`.
"""

from functools import lru_cache
from typing import Protocol, cast

import re2


class BadPattern(ValueError):
    """The pattern is not RE2; the text says why."""


class Match(Protocol):
    """Where a pattern matched."""

    def span(self, group: int) -> tuple[int, int]:
        """Where a group matched, (-1, -1) if it took no part."""
        ...


class Pattern(Protocol):
    """A compiled pattern."""

    @property
    def groupindex(self) -> dict[str, int]:
        """The numbers of the named groups."""
        ...

    def fullmatch(self, text: str) -> Match | None:
        """A match of the whole text; nothing less matches."""
        ...


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """The pattern, compiled once.

    Raises:
        BadPattern: RE2 does not take it.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return cast("Pattern", re2.compile(pattern, options))
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise BadPattern(f"{reason} (patterns are RE2: no look-around, no back-references)") from error


def fits(pattern: str, name: str) -> bool:
    """Whether the whole name matches. What UTF-8 cannot say (a lone surrogate) counts as a question mark."""
    return compiled(pattern).fullmatch(name.encode(errors="replace").decode()) is not None


def group_span(pattern: str, group: str, name: str) -> tuple[int, int] | None:
    """Where the named group matched in a name that the whole pattern fits; None where it did not."""
    index = compiled(pattern).groupindex.get(group)
    match = compiled(pattern).fullmatch(name)
    if index is None or match is None:
        return None
    start, end = match.span(index)
    return None if start < 0 else (start, end)
