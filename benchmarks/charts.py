# SPDX-License-Identifier: BSD-3-Clause
"""Two kinds of charts: bars with their spread, and curves; both on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.spread import Spread
from benchmarks.svg import Drawing

__all__ = ["Bar", "Curve", "bars", "curves"]

_WIDTH = 820
_LEFT, _RIGHT, _TOP = 250, 120, 56
_ROW = 26
_GREY, _DARK = "#ddd", "#333"
_TALL = 340


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is, how long, and its colour."""

    label: str
    spread: Spread
    colour: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: what it is, its points, and its colour."""

    label: str
    points: Sequence[tuple[float, float]]
    colour: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a value to pixels, in powers of ten."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        power = math.floor(math.log10(self.low))
        while (tick := 10.0**power) <= self.high * 1.0001:
            if tick >= self.low * 0.9999:
                yield tick
            power += 1


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Return an SVG of bars, one below the other, each with a whisker from least to most."""
    height = _TOP + _ROW * len(rows) + 46
    drawing = Drawing(_WIDTH, height, title)
    ends = [end for row in rows for end in (row.spread.low, row.spread.high)]
    scale = _scale(min(ends), max(ends), _LEFT, _WIDTH - _RIGHT)
    bottom = _TOP + _ROW * len(rows)
    for tick in scale.ticks():
        drawing.line([(scale(tick), _TOP), (scale(tick), bottom)], _GREY)
        drawing.text(scale(tick), bottom + 16, _said(tick), anchor="middle", size=11)
    drawing.text(_WIDTH - _RIGHT, bottom + 34, unit, anchor="end", size=11)
    for at, row in enumerate(rows):
        _bar(drawing, scale, _TOP + _ROW * at, row)
    return str(drawing)


def _bar(drawing: Drawing, scale: _Scale, y: float, row: Bar) -> None:
    middle, end = y + _ROW / 2, scale(row.spread.median)
    drawing.text(_LEFT - 10, middle + 4, row.label, anchor="end")
    drawing.bar(_LEFT, y + 4, (max(end - _LEFT, 1), _ROW - 8), row.colour)
    low, high = scale(row.spread.low), scale(row.spread.high)
    drawing.line([(low, middle), (high, middle)], _DARK, width=1.5)
    for x in (low, high):
        drawing.line([(x, middle - 4), (x, middle + 4)], _DARK, width=1.5)
    drawing.text(max(high, end) + 8, middle + 4, _said(row.spread.median), size=11)


def curves(title: str, units: tuple[str, str], lines: Sequence[Curve], *, shares: bool) -> str:
    """
    Return an SVG of curves.

    Parameters
    ----------
    title : str
        Above it.
    units : tuple of str
        Of both axes.
    lines : sequence of Curve
        Their x is positive; their y too, unless they are shares.
    shares : bool
        Whether y is a share between 0 and 1, shown as it is.
    """
    drawing = Drawing(_WIDTH, _TOP + _TALL + 46, title)
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    left, right, bottom = 70, _WIDTH - 260, _TOP + _TALL
    across = _scale(min(xs), max(xs), left, right)
    up = None if shares else _scale(min(ys), max(ys), bottom, _TOP)
    for tick in across.ticks():
        drawing.line([(across(tick), _TOP), (across(tick), bottom)], _GREY)
        drawing.text(across(tick), bottom + 16, _said(tick), anchor="middle", size=11)
    for tick in up.ticks() if up else (0.0, 0.25, 0.5, 0.75, 1.0):
        y = up(tick) if up else bottom - tick * _TALL
        drawing.line([(left, y), (right, y)], _GREY)
        drawing.text(left - 8, y + 4, _said(tick), anchor="end", size=11)
    drawing.text(right, bottom + 34, units[0], anchor="end", size=11)
    drawing.text(left, _TOP - 6, units[1], size=11)
    for at, line in enumerate(lines):
        points = [(across(x), up(y) if up else bottom - y * _TALL) for x, y in line.points]
        drawing.line(points, line.colour, width=2)
        y = _TOP + 14 + 18 * at
        drawing.line([(right + 14, y - 4), (right + 34, y - 4)], line.colour, width=3)
        drawing.text(right + 40, y, line.label, size=11)
    return str(drawing)


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _scale(low: float, high: float, start: float, end: float) -> _Scale:
    """Return a scale from the power of ten below to the one above; bars want a length, too."""
    least = 10.0 ** math.floor(math.log10(low) - 0.05)
    most = max(10.0 ** math.ceil(math.log10(high)), least * 10)
    return _Scale(least, most, start, end)
