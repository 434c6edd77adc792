# SPDX-License-Identifier: BSD-3-Clause
"""What a worker costs that has nothing to do, with a bridge and without."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.sample import OURS, TODAYS, Case, Outcome
from benchmarks.scenario import Column, Scenario
from benchmarks.servers import Servers
from benchmarks.stage import Plan, stage
from benchmarks.usage import cpu_s, memory_mb
from benchmarks.warming import ready
from benchmarks.ways import PLAIN

__all__ = ["IDLE"]

_WAYS = (OURS, TODAYS, PLAIN)


def _cases(quick: bool) -> list[Case]:
    seconds = 10 if quick else 60
    return [Case("idle", way, {"pool": "prefork", "seconds": seconds}) for way in _WAYS]


def _measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    seconds = float(case.about["seconds"])
    with stage(servers, folder, Plan(pool="prefork", concurrency=2)) as on:
        on.start(case.way)
        ready(on, case.way)
        # What starting has left to do is no part of being idle.
        time.sleep(seconds / 4)
        pids = on.pids()
        before, began = cpu_s(pids), time.monotonic()
        time.sleep(seconds)
        used_s, took_s = cpu_s(pids) - before, time.monotonic() - began
        memory = memory_mb(pids)
    return Outcome(
        {
            "cpu_percent": 100 * used_s / took_s,
            "pss_mb": memory["pss"],
            "rss_mb": memory["rss"],
        }
    )


IDLE = Scenario(
    "idle",
    "A worker that has nothing to do",
    "All processes of a worker with a pool of 2 processes. Memory is the proportional set size: "
    "pages that processes share count once.",
    _measure,
    _cases,
    (
        Column("cpu_percent", "CPU, % of a core", 2),
        Column("pss_mb", "memory, MB", 1),
        Column("rss_mb", "sum of resident sets, MB", 1),
    ),
    repetitions=3,
)
