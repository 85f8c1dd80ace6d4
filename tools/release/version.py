"""Versions, and which one a change demands (Semantic Versioning 2.0.0; below 1.0 a minor one may break)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tools.release.contract import Change


class NotReady(Exception):
    """Something stands in the way of a release: what, and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Three numbers."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one, with or without a v before it.

        Raises:
            NotReady: it is none.
        """
        found = re.fullmatch(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", text)
        if found is None:
            raise NotReady(f"{text!r} is no version: write three numbers, such as VERSION=1.2.3")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def least(last: Version, changes: Iterable[Change]) -> Version:
    """The lowest version that may carry these changes to the API."""
    several = list(changes)
    breaks = any(change.breaks for change in several)
    if breaks and last.major:
        return Version(last.major + 1, 0, 0)
    if breaks or (several and last.major):
        return Version(last.major, last.minor + 1, 0)
    return Version(last.major, last.minor, last.patch + 1)


def check(wanted: Version, last: Version | None, changes: Iterable[Change]) -> None:
    """See to it that the wanted version is high enough.

    Raises:
        NotReady: it is not; with every change that demands a higher one.
    """
    if last is None:
        return
    several = list(changes)
    lowest = least(last, several)
    if wanted < lowest:
        lines = "".join(f"\n  {change}" for change in several)
        raise NotReady(f"after {last} this has to be {lowest} or higher{lines}")
