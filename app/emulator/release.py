"""The NetBox releases that are emulated, and the words they identify themselves with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One release of NetBox.

    Attributes:
        series: what the ``API-Version`` header says.
        full: what ``/api/status/`` says.
        django: the Django it runs on.
        python: the Python it runs on.
        non_field: the key under which the serializers report errors that belong to no field.
    """

    series: str
    full: str
    django: str
    python: str
    non_field: str

    @property
    def modern(self) -> bool:
        """Whether entity tags, change log messages, v2 tokens and indexed bulk errors exist."""
        return self.series != "4.3"

    def has(self, since: str) -> bool:
        """Tell whether something that came with the series ``since`` is there."""
        return _order(self.series) >= _order(since)


def _order(series: str) -> tuple[int, ...]:
    return tuple(int(part) for part in series.split("."))


RELEASES = {
    "4.3": Release("4.3", "4.3.7", "5.2.5", "3.12.1", "non_field_errors"),
    "4.7": Release("4.7", "4.7.3", "6.1.2", "3.12.1", "__all__"),
}
