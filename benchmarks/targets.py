# SPDX-License-Identifier: BSD-3-Clause
"""What this package has to reach, and what a run has measured of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.publisher import ECHO, ECHO_THEN_RAW
from benchmarks.report import Ratio, Report
from benchmarks.sample import FLOOR, OURS, TODAYS, Case
from benchmarks.table import table
from benchmarks.ways import BEHIND_RAW, PLAIN, UNTOUCHED

__all__ = ["Finding", "findings", "verdict"]

_RATES = (5, 200)
_POOLS = ("solo", "threads", "prefork")
_FLAT = 1.2


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One target, held against a run.

    Attributes
    ----------
    what, unit : str
        In words, and of the numbers; a ratio's is "×".
    limit : float
        The target.
    value : float or None
        What was measured, None where it was not.
    low, high : float or None
        Of single repetitions.
    least : bool
        Whether the limit is the least, rather than the most, that meets the target.
    floor : float or None
        The same of what keeps no promise, where that was measured: of a raw bridge, of Celery
        behind one, or of tasks that do nothing.
    """

    what: str
    unit: str
    limit: float
    value: float | None
    low: float | None = None
    high: float | None = None
    least: bool = False
    floor: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit

    def cells(self) -> tuple[str, ...]:
        """Return its line of the table."""
        sign = "≥" if self.least else "≤"
        said = {None: "not measured", True: "met", False: "NOT MET"}[self.met]
        floor = "–" if self.floor is None else f"{self.floor:.3g} {self.unit}"
        return self.what, f"{sign} {self.limit:.3g} {self.unit}", self._measured(), floor, said

    def _measured(self) -> str:
        if self.value is None:
            return "–"
        middle = f"{self.value:.3g} {self.unit}"
        if self.low is None or self.high is None or self.low == self.high:
            return middle
        return f"{middle} ({self.low:.3g}…{self.high:.3g})"


def verdict(report: Report) -> str:
    """Return all findings as a table."""
    head = ("", "target", "measured", "the floor's own", "")
    return table(head, [item.cells() for item in findings(report)])


def findings(report: Report) -> list[Finding]:
    """Return all targets with what was measured of each."""
    on = _On(report)
    return [*_backlog(on), *_latency(on), *_growth(on), *_idle(on), *_publisher(on), _count(report)]


class _On:
    """Looks things up in a report."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def case(self, scenario: str, way: str, about: Mapping[str, Any]) -> Case | None:
        return self.report.find(scenario, way, about)

    def median(self, case: Case | None, figure: str) -> float | None:
        found = self.report.spread(case, figure) if case is not None else None
        return None if found is None else found.median

    def ratio(self, case: Case | None, to: Case | None, figure: str) -> Ratio | None:
        return self.report.ratio(case, to, figure) if case is not None else None


def _ratio(
    what: str,
    limit: float,
    found: Ratio | None,
    *,
    least: bool = False,
    floor: Ratio | None = None,
) -> Finding:
    best = None if floor is None else floor.value
    if found is None:
        return Finding(what, "×", limit, None, least=least, floor=best)
    return Finding(what, "×", limit, found.value, found.low, found.high, least, best)


def _backlog(on: _On) -> Iterator[Finding]:
    rate, cpu = "alerts_per_s", "worker_cpu_ms_per_alert"
    memory = {"data": "in memory"}
    ways = (OURS, TODAYS, FLOOR, UNTOUCHED)
    ours, todays, floor, untouched = (on.case("backlog", way, memory) for way in ways)
    what, best = "backlog: throughput ÷ today's way", on.ratio(untouched, todays, rate)
    yield _ratio(what, 20, on.ratio(ours, todays, rate), least=True, floor=best)
    yield _ratio("backlog: throughput ÷ raw floor", 0.5, on.ratio(ours, floor, rate), least=True)
    what, best = "backlog: CPU an alert ÷ today's way", on.ratio(untouched, todays, cpu)
    yield _ratio(what, 1 / 15, on.ratio(ours, todays, cpu), floor=best)
    eight = {"handlers": 8, "rejecting": ""}
    ours, todays = (on.case("handlers", way, eight) for way in (OURS, TODAYS))
    what = "backlog, 8 handlers: throughput ÷ today's way"
    yield _ratio(what, 15, on.ratio(ours, todays, rate), least=True)


def _latency(on: _On) -> Iterator[Finding]:
    p50, p99 = "latency_p50_ms", "latency_p99_ms"
    for rate in _RATES:
        for pool in _POOLS:
            about = {"pool": pool, "alerts/s": rate}
            ways = (OURS, TODAYS, BEHIND_RAW)
            ours, todays, floor = (on.case("latency", way, about) for way in ways)
            where = f"latency, {rate} alerts/s, {pool}"
            what, best = f"{where}: p50 ÷ today's way", on.ratio(floor, todays, p50)
            yield _ratio(what, 0.6, on.ratio(ours, todays, p50), floor=best)
            todays_p50 = on.median(todays, p50)
            if todays_p50 is not None:
                what = f"{where}: p99, at most today's p50 and 2 ms"
                found = _spread(on, ours, p99)
                yield Finding(what, "ms", todays_p50 + 2, *found, floor=on.median(floor, p99))
        gevent, threads = (
            on.case("latency", OURS, {"pool": pool, "alerts/s": rate})
            for pool in ("gevent", "threads")
        )
        what = f"latency, {rate} alerts/s: p50, gevent ÷ threads"
        yield _ratio(what, 1.5, on.ratio(gevent, threads, p50))


def _growth(on: _On) -> Iterator[Finding]:
    rate, cpu = "alerts_per_s", "worker_cpu_ms_per_alert"
    (one, two), (raw, raws) = (
        [on.case("workers", way, {"workers": count}) for count in (1, 2)]
        for way in (OURS, UNTOUCHED)
    )
    what, best = "2 workers ÷ 1: throughput", on.ratio(raws, raw, rate)
    yield _ratio(what, 1.6, on.ratio(two, one, rate), least=True, floor=best)
    one, many = (on.case("partitions", OURS, {"partitions": count}) for count in (1, 16))
    yield _ratio("16 partitions ÷ 1: CPU an alert", _FLAT, on.ratio(many, one, cpu))
    none, topics = (on.case("topics", OURS, {"other topics": count}) for count in (0, 100))
    yield _ratio("handlers on 100 other topics ÷ 0: CPU", _FLAT, on.ratio(topics, none, cpu))
    large = on.case("memory", OURS, {"size": "1 MB"})
    what = "1 GB of alerts of 1 MB: peak memory"
    yield Finding(what, "MB", 300, *_spread(on, large, "peak_mb"))
    million = on.case("growth", OURS, {"size": "1 kB"})
    for name, figure in (("memory", "rss_mb"), ("CPU an alert", cpu[7:])):
        early, late = (on.median(million, f"{when}_{figure}") for when in ("early", "late"))
        value = late / early if late is not None and early else None
        yield Finding(f"1 000 000 alerts: {name}, late ÷ early", "×", 1.1, value)


def _idle(on: _On) -> Iterator[Finding]:
    ways = [
        next((case for case in on.report.cases("idle") if case.way == way), None)
        for way in (OURS, PLAIN)
    ]
    for what, unit, limit, figure in (
        ("idle: CPU, more than Celery alone", "% of a core", 0.5, "cpu_percent"),
        ("idle: memory, more than Celery alone", "MB", 25.0, "pss_mb"),
    ):
        ours, plain = (on.median(case, figure) for case in ways)
        value = ours - plain if ours is not None and plain is not None else None
        yield Finding(what, unit, limit, value)


def _publisher(on: _On) -> Iterator[Finding]:
    batch = {"send": "batch", "batch": 100}
    ours, raw, floor = (on.case("publisher", way, batch) for way in (OURS, FLOOR, ECHO))
    found, best = (on.ratio(way, raw, "sends_per_s") for way in (ours, floor))
    yield _ratio("publisher, batch: sends/s ÷ raw producer", 0.5, found, least=True, floor=best)
    single = {"send": "single"}
    ways = (OURS, ECHO_THEN_RAW, ECHO, FLOOR)
    p50s = [on.median(on.case("publisher", way, single), "p50_ms") for way in ways]
    measured = [value for value in p50s if value is not None]
    value = best = None
    if len(measured) == len(ways):
        both = sum(measured[2:])
        value, best = measured[0] / both, measured[1] / both
    what = "publisher, single: p50 ÷ (Celery round trip + raw acknowledged produce)"
    yield Finding(what, "×", 1.5, value, floor=best)


def _count(report: Report) -> Finding:
    wrong = len(list(report.wrong())) if report.samples else None
    what = "alerts missing, enqueued twice, out of order, or not measured"
    return Finding(what, "measurements", 0, wrong)


def _spread(
    on: _On, case: Case | None, figure: str
) -> tuple[float | None, float | None, float | None]:
    found = on.report.spread(case, figure) if case is not None else None
    return (None, None, None) if found is None else (found.median, found.low, found.high)
