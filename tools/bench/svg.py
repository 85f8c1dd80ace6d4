"""Line plots as SVG, written by hand: a few lines over a few numbers of clients, on a logarithmic scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COLOURS: Final = {"direct": "#c0392b", "Berth": "#1f6fb4", "ceiling": "#7f8c8d", "idle": "#2e8b57"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 420, 260, 64, 40, 40
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram: a title, what the vertical axis shows, and a value for each line and position."""

    title: str
    unit: str
    lines: Mapping[str, Sequence[float | None]]


def plot(heading: str, positions: Sequence[str], rows: Sequence[Sequence[Panel]]) -> str:
    """Panels in rows, with one legend."""
    width = max(len(row) for row in rows) * (_WIDTH + _GAP) + _GAP
    height = len(rows) * (_HEIGHT + _GAP) + 2 * _GAP
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(width / 2, 22, heading, 'text-anchor="middle" font-size="15" font-weight="bold"'),
    ]
    for down, row in enumerate(rows):
        for across, panel in enumerate(row):
            at = (_GAP + across * (_WIDTH + _GAP), _GAP + down * (_HEIGHT + _GAP))
            parts += [f'<g transform="translate({at[0]} {at[1]})">', *_panel(panel, positions), "</g>"]
    parts += _legend({name: None for row in rows for panel in row for name in panel.lines}, width, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from at or below `low` to at or above `high`."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [step * 10.0**power for power in powers for step in _STEPS]
    first = max((value for value in values if value <= low), default=values[0])
    last = min((value for value in values if value >= high), default=values[-1])
    chosen = [value for value in values if first <= value <= last]
    return chosen if len(chosen) > 1 else [first, first * 10]


def _panel(panel: Panel, positions: Sequence[str]) -> Iterator[str]:
    yield _text(_WIDTH / 2, 16, panel.title, 'text-anchor="middle" font-weight="bold"')
    known = [value for line in panel.lines.values() for value in line if value]
    if not known:
        yield _text(_WIDTH / 2, _HEIGHT / 2, "not measured", 'text-anchor="middle" fill="#777"')
        return
    marks = ticks(min(known), max(known))
    span = math.log(marks[-1] / marks[0])

    def down(value: float) -> float:
        return _HEIGHT - 30 - (_HEIGHT - 30 - _TOP) * math.log(value / marks[0]) / span

    def along(number: int) -> float:
        return _LEFT + (number + 0.5) * (_WIDTH - _LEFT) / len(positions)

    for mark in marks:
        yield f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{down(mark):.1f}" y2="{down(mark):.1f}" stroke="#ddd"/>'
        yield _text(_LEFT - 6, down(mark) + 4, f"{mark:g}", 'text-anchor="end"')
    yield _text(4, _TOP - 10, panel.unit, 'fill="#555"')
    for number, position in enumerate(positions):
        yield _text(along(number), _HEIGHT - 12, position, 'text-anchor="middle"')
    for name, line in panel.lines.items():
        points = [(along(number), down(value)) for number, value in enumerate(line) if value]
        yield from _line(points, COLOURS.get(name, "#444"))


def _line(points: Sequence[tuple[float, float]], colour: str) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _legend(names: Mapping[str, None], width: float, height: float) -> Iterator[str]:
    for number, name in enumerate(names):
        x = width / 2 + (number - len(names) / 2) * 110
        colour = COLOURS.get(name, "#444")
        ends = f'x1="{x}" x2="{x + 24}" y1="{height - 24}" y2="{height - 24}"'
        yield f'<line {ends} stroke="{colour}" stroke-width="3"/>'
        yield _text(x + 30, height - 20, name, "")


def _text(x: float, y: float, text: str, attributes: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'
