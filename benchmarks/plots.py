# SPDX-License-Identifier: BSD-3-Clause
"""Which pictures are drawn of a run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from benchmarks.alerts import SIZES
from benchmarks.charts import Bar, Curve, bars, curves
from benchmarks.report import Report
from benchmarks.sample import FLOOR, OURS, TODAYS, Case
from benchmarks.spread import quantile

__all__ = ["plots"]

_COLOURS = {OURS: "#2166ac", TODAYS: "#d6604d", FLOOR: "#999999"}
_BY_POOL = {
    OURS: {"solo": "#053061", "threads": "#2166ac", "prefork": "#4393c3", "gevent": "#92c5de"},
    TODAYS: {"solo": "#67001f", "threads": "#d6604d", "prefork": "#f4a582"},
    FLOOR: {"none": "#777777"},
}
_SHARES = (0.0, 0.01, *(at / 50 for at in range(1, 50)), 0.99, 1.0)


def plots(report: Report) -> dict[str, str]:
    """Return SVG by file name; of what was not measured there is none."""
    return dict(_all(report))


def _all(report: Report) -> Iterator[tuple[str, str]]:
    for name, title, unit, figure in (
        ("backlog", "A backlog into Redis, in memory", "alerts/s", "alerts_per_s"),
        ("cpu", "CPU time of the worker", "ms an alert", "worker_cpu_ms_per_alert"),
    ):
        cases = [case for case in report.cases("backlog") if case.about["data"] == "in memory"]
        rows = list(_bars(report, cases, figure))
        if rows:
            yield f"{name}.svg", bars(title, f"{unit}, logarithmic", rows)
    lines = list(_by_size(report))
    if lines:
        units = ("bytes on the wire", "alerts/s")
        yield "sizes.svg", curves("A backlog, by size of the alert", units, lines, shares=False)
    for rate in sorted({int(case.about["alerts/s"]) for case in report.cases("latency")}):
        title = f"From sending to the handler's start, {rate} alerts/s"
        lines = list(_distributions(report, rate))
        yield f"latency-{rate}.svg", curves(title, ("ms", "share of alerts"), lines, shares=True)


def _bars(report: Report, cases: list[Case], figure: str) -> Iterator[Bar]:
    for case in cases:
        found = report.spread(case, figure)
        if found is not None and found.low > 0:
            yield Bar(case.way, found, _colour(case.way))


def _colour(way: str) -> str:
    return next(colour for name, colour in _COLOURS.items() if way.startswith(name))


def _by_size(report: Report) -> Iterator[Curve]:
    cases = report.cases("sizes")
    dashes = cycle(("#555555", "#999999", "#cccccc"))
    for way in dict.fromkeys(case.way for case in cases):
        found = [
            (float(SIZES[str(case.about["size"])]), spread.median)
            for case in cases
            if case.way == way and (spread := report.spread(case, "alerts_per_s"))
        ]
        if found:
            colour = next(dashes) if way.startswith(FLOOR) else _COLOURS[way]
            yield Curve(way, found, colour)


def _distributions(report: Report, rate: int) -> Iterator[Curve]:
    for case in report.cases("latency"):
        series = [sample.outcome.series.get("latency_ms", []) for sample in report.of(case)]
        values = sorted(value for found in series for value in found)
        if case.about["alerts/s"] != rate or case.way not in _BY_POOL or not values:
            continue
        pool = str(case.about["pool"])
        label = case.way if case.way == FLOOR else f"{case.way}, {pool}"
        points = [(max(quantile(values, share), 0.01), share) for share in _SHARES]
        yield Curve(label, points, _BY_POOL[case.way][pool])
