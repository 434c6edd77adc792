# SPDX-License-Identifier: BSD-3-Clause
"""How much the machine's cores leave room for: the CPU time of all that takes part in a backlog."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report import Report
from benchmarks.sample import OURS, TODAYS, Case
from benchmarks.spread import spread
from benchmarks.table import table
from benchmarks.ways import UNTOUCHED

__all__ = ["room"]

_HEAD = (
    "",
    "CPU of worker, task broker and Kafka, ms an alert",
    "so at most, alerts/s",
    "÷ today's way",
    "measured, alerts/s",
    "of the most",
)
_PARTS = {f"{part}_cpu_ms_per_alert" for part in ("worker", "task_broker", "kafka")}


def room(report: Report) -> str:
    """Return a table: what an alert takes of all cores, and how many alerts that makes at most.

    It is empty where no backlog was measured.
    """
    rows = [row for name, case in _cases(report) if (row := _row(report, name, case))]
    return table(_HEAD, rows) if rows else ""


def _cases(report: Report) -> Iterator[tuple[str, Case | None]]:
    for way in (OURS, UNTOUCHED):
        yield f"a backlog, {way}", report.find("backlog", way, {"data": "in memory"})
    for count in (1, 2):
        what = f"{count} worker{'s' * (count > 1)}"
        for way in (OURS, UNTOUCHED):
            yield f"{what}, {way}", report.find("workers", way, {"workers": count})


def _row(report: Report, name: str, case: Case | None) -> tuple[str, ...] | None:
    samples = report.of(case) if case else []
    # What could not be measured has none.
    figures = [one.outcome.figures for one in samples if one.outcome.figures.keys() >= _PARTS]
    if not figures:
        return None
    used_ms = spread(sum(one[part] for part in _PARTS) for one in figures).median
    most = 1000 * int(report.about["machine"]["cores"]) / used_ms
    rate = spread(one["alerts_per_s"] for one in figures).median
    todays_case = report.find("backlog", TODAYS, {"data": "in memory"})
    todays = report.spread(todays_case, "alerts_per_s") if todays_case else None
    compared = f"{most / todays.median:.1f}" if todays else "–"
    return name, f"{used_ms:.3f}", f"{most:.0f}", compared, f"{rate:.0f}", f"{rate / most:.0%}"
