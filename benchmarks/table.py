# SPDX-License-Identifier: BSD-3-Clause
"""A scenario's figures as a table, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.report import Ratio, Report
from benchmarks.sample import Case
from benchmarks.scenario import Column, Scenario
from benchmarks.spread import Spread

__all__ = ["number", "table", "told"]

_NONE = "–"


def told(scenario: Scenario, report: Report) -> str:
    """Return the table of one scenario; empty when nothing of it was measured."""
    cases = report.cases(scenario.name)
    if not cases:
        return ""
    # A column of ratios to what was not measured at all would be empty.
    to = [way for way in scenario.against if any(case.way.startswith(way) for case in cases)]
    bodies = [
        [case.conditions, _way(report, case), *_cells(scenario.columns, report, case, to)]
        for case in cases
    ]
    return table(("conditions", "way", *_titles(scenario.columns, to)), bodies)


def table(head: Sequence[str], bodies: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are as wide as they must be."""
    lines = [list(head), *map(list, bodies)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    padded = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    rule = "|".join("-" * (width + 2) for width in widths)
    first, *rest = (f"| {line} |" for line in padded)
    return "\n".join([first, f"|{rule}|", *rest])


def number(value: float, digits: int) -> str:
    """Return a number with thin gaps between thousands."""
    return f"{value:,.{digits}f}".replace(",", "\u202f")


def _way(report: Report, case: Case) -> str:
    wrong = any(sample.outcome.wrong for sample in report.of(case))
    return f"{case.way} ✗" if wrong else case.way


def _titles(columns: Iterable[Column], to: Sequence[str]) -> list[str]:
    found = []
    for column in columns:
        found.append(column.title)
        if column.compared:
            found += [f"÷ {way}" for way in to]
    return found


def _cells(columns: Iterable[Column], report: Report, case: Case, to: Sequence[str]) -> list[str]:
    found = []
    for column in columns:
        found.append(_spread(report.spread(case, column.figure), column.digits))
        if column.compared:
            found += [_ratio(_against(report, case, way, column)) for way in to]
    return found


def _against(report: Report, case: Case, way: str, column: Column) -> Ratio | None:
    other = report.find(case.scenario, way, case.about)
    if other is None or other.way == case.way:
        return None
    return report.ratio(case, other, column.figure)


def _spread(found: Spread | None, digits: int) -> str:
    if found is None:
        return _NONE
    middle = number(found.median, digits)
    if found.count == 1:
        return middle
    return f"{middle} ({number(found.low, digits)}…{number(found.high, digits)})"


def _ratio(found: Ratio | None) -> str:
    if found is None:
        return _NONE
    return f"{found.value:.2g}" if found.value < 10 else f"{found.value:.1f}"
