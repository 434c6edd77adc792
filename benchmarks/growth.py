# SPDX-License-Identifier: BSD-3-Clause
"""A million alerts through one worker: does it grow, does it slow down?

The benchmark takes the tasks out of the queue as a worker would, looks at each of them once, and
acknowledges it, so that the task broker stays small.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.alerts import SIZES
from benchmarks.queues import arrival
from benchmarks.sample import OURS, Case, Outcome
from benchmarks.scenario import Column, Scenario
from benchmarks.servers import Servers
from benchmarks.stage import Plan, Stage, stage
from benchmarks.usage import cpu_s, memory_mb
from benchmarks.warming import FIRST, hears, ready, warm
from igwn_alert_celery.redelivery.keys import Keys

__all__ = ["GROWTH"]

_ALERTS = 1_000_000
_POINTS = 10
_SAMPLES = 3
_CHUNK = 500
_PAUSE_S = 0.01
_STANDSTILL_S = 60.0


def _cases(quick: bool) -> list[Case]:
    return [Case("growth", OURS, {"size": "1 kB", "alerts": _ALERTS // (100 if quick else 1)})]


def _measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    alerts = int(case.about["alerts"])
    with stage(servers, folder, Plan(size=SIZES[str(case.about["size"])])) as on:
        on.start(case.way)
        ready(on, case.way)
        warm(on, hears(on.queue, 1))
        taker = _Taker(on)
        with on.backlog(range(alerts)):
            watch = _Watch(on.pids(), alerts // _POINTS)
        moved = time.monotonic()
        while taker.taken < alerts:
            if taker.take():
                moved = time.monotonic()
                watch.look(taker.taken)
            elif time.monotonic() - moved > _STANDSTILL_S:
                return Outcome({}, wrong=(f"no further task came after {taker.taken}",))
            else:
                time.sleep(_PAUSE_S)
        return Outcome(watch.figures(), watch.series, taker.wrong())


class _Taker:
    """Takes tasks out of the queue and checks their order."""

    def __init__(self, on: Stage) -> None:
        self.taken = 0
        self._client = on.redis
        self._on = on
        self._outstanding = Keys("").outstanding
        self._latest: dict[int, int] = {}
        self._wrong: Counter[str] = Counter()
        self._seen = bytearray(_ALERTS)

    def take(self) -> int:
        """Take some; return how many those were."""
        items: list[bytes] = self._client.rpop(self._on.handler_queue, _CHUNK) or []
        found = [arrival(item) for item in items]
        if found:
            self._client.hdel(self._outstanding, *(item.task_id for item in found))
        numbers = [item.number for item in found if item.number < FIRST]
        for number in numbers:
            self._check(number)
        return len(numbers)

    def wrong(self) -> tuple[str, ...]:
        """Return what was wrong with them, in words."""
        return tuple(f"{times} {what}" for what, times in self._wrong.items())

    def _check(self, number: int) -> None:
        if self._seen[number]:
            self._wrong["twice"] += 1
            return
        self._seen[number] = 1
        self.taken += 1
        partition = self._on.partition_of(number)
        self._wrong.update(["out of order"] * (number < self._latest.get(partition, -1)))
        self._latest[partition] = number


@dataclass
class _Watch:
    """What the worker uses, each time so many more alerts have come out."""

    pids: list[int]
    step: int
    series: dict[str, list[float]] = field(
        default_factory=lambda: {"rss_mb": [], "cpu_ms_per_alert": [], "alerts_per_s": []}
    )

    def __post_init__(self) -> None:
        self._taken, self._next = 0, self.step
        self._at, self._cpu_s = time.monotonic(), cpu_s(self.pids)

    def look(self, taken: int) -> None:
        """Take a sample when it is time to."""
        if taken < self._next:
            return
        more = taken - self._taken
        # Not one step from here: each sample comes a little late, and the last would be missing.
        self._next += self.step
        now, used_s = time.monotonic(), cpu_s(self.pids)
        self._add("rss_mb", memory_mb(self.pids)["rss"])
        self._add("cpu_ms_per_alert", (used_s - self._cpu_s) * 1e3 / more)
        self._add("alerts_per_s", more / (now - self._at))
        self._taken, self._at, self._cpu_s = taken, now, used_s

    def figures(self) -> dict[str, float]:
        """
        Return what was early and late of each: the first sample still warms up.

        Time is noisy, so that is the median of three samples. Memory is given back where the worker
        has run dry before the last sample, so that is the most of the last three.
        """
        found: dict[str, Any] = {}
        for name, values in self.series.items():
            early, late = values[1 : 1 + _SAMPLES], values[-_SAMPLES:]
            if name == "rss_mb":
                found |= {f"early_{name}": early[0], f"late_{name}": max(late)}
            else:
                found |= {f"early_{name}": median(early), f"late_{name}": median(late)}
        return found

    def _add(self, name: str, value: float) -> None:
        self.series[name].append(round(value, 4))


GROWTH = Scenario(
    "growth",
    "A million alerts",
    "One worker, ten samples. Of memory, here the second one, and the most of the last three; of "
    "what takes time, the median of the second to the fourth, and of the last three.",
    _measure,
    _cases,
    (
        Column("early_rss_mb", "memory early, MB", 1),
        Column("late_rss_mb", "memory late, MB", 1),
        Column("early_cpu_ms_per_alert", "CPU early, ms an alert", 3),
        Column("late_cpu_ms_per_alert", "CPU late, ms an alert", 3),
        Column("late_alerts_per_s", "alerts/s late", 0),
    ),
    repetitions=1,
    long=True,
)
