# SPDX-License-Identifier: BSD-3-Clause
"""Alerts that lie in Kafka already, until all are in the task broker's queue.

Workers are ready and warm when the backlog appears. The handlers' queue is not consumed, so that
only the bridge is measured; what lies in it afterwards is counted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.alerts import SIZES, is_new
from benchmarks.count import count
from benchmarks.meter import Meter
from benchmarks.queues import Queue
from benchmarks.sample import OURS, Case, Outcome
from benchmarks.servers import REDIS, Servers
from benchmarks.stage import Plan, Stage, options_of, stage
from benchmarks.usage import peak_mb
from benchmarks.warming import LAST, hears, ready, send_wave, warm
from tests.services.wait import wait_until

__all__ = ["measure", "plan_of"]

_LOOK_S = 0.005
_STANDSTILL_S = 60.0


def measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    """Measure one backlog; blocks."""
    about = case.about
    with stage(servers, folder, plan_of(about)) as on:
        on.start(case.way, int(about.get("workers", 1)))
        ready(on, case.way)
        tasks = on.plan.handlers
        warm(on, hears(on.queue, tasks))
        numbers = range(int(about["alerts"]))
        rejected = on.plan.rejecting and case.way == OURS
        expected = [number for number in numbers if is_new(number) or not rejected]
        figures = _drain(on, numbers, len(expected) * tasks)
        _settle(on)
        wrong = count(on.queue.arrivals(), expected, tasks, on.partition_of)
    return Outcome(figures, wrong=wrong)


def plan_of(about: Mapping[str, Any]) -> Plan:
    """Return the stage that a case asks for."""
    return Plan(
        size=SIZES[about.get("size", "10 kB")],
        partitions=about.get("partitions", 4),
        handlers=about.get("handlers", 1),
        other_topics=about.get("other topics", 0),
        rejecting=bool(about.get("rejecting", False)),
        task_broker=about.get("task broker", REDIS),
        appendonly=about.get("data", "in memory") == "on disk",
        options=options_of(about),
    )


def _drain(on: Stage, numbers: range, tasks: int) -> dict[str, float]:
    pids = on.pids()
    base = on.queue.length()
    with on.backlog(numbers):
        meter = Meter({"worker": pids, **on.servers.processes(on.plan.task_broker)})
    appeared = time.monotonic()
    first, there, last = _watch(on.queue, base, tasks)
    used = meter.read(len(numbers))
    # What the first look has seen already took its time before it.
    share = 1.0 if last == first else (tasks - there) / tasks
    took_s = last - (appeared if last == first else first)
    return {
        "alerts_per_s": len(numbers) * share / took_s,
        "to_the_last_s": last - appeared,
        "peak_mb": max(map(peak_mb, pids)),
        **used,
    }


def _settle(on: Stage) -> None:
    """Wait until what was sent after the backlog is there: by then a double would be, too."""
    length = on.queue.length() + on.plan.partitions * on.plan.handlers
    send_wave(on, LAST)
    wait_until(lambda: on.queue.length() >= length, _STANDSTILL_S, "what came after the backlog")


def _watch(queue: Queue, base: int, tasks: int) -> tuple[float, int, float]:
    """Return when the first tasks were there, how many those were, and when all were there."""
    first, there, length, moved = 0.0, 0, 0, time.monotonic()
    while length < tasks:
        time.sleep(_LOOK_S)
        now, found = time.monotonic(), queue.length() - base
        if found > length:
            moved = now
            if not there:
                first, there = now, found
        elif now - moved > _STANDSTILL_S:
            raise TimeoutError(f"no further task came after {found} of {tasks}")
        length = found
    return first, there, time.monotonic()
