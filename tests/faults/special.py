# SPDX-License-Identifier: BSD-3-Clause
"""Two large runs: a rolled back Redis in the middle of 4000 alerts, and sixty killed workers."""

from __future__ import annotations

import time

from tests.faults.fault import Fault, Pace
from tests.faults.redis_faults import away
from tests.faults.stage import Stage
from tests.faults.worker_faults import replace

__all__ = ["SPECIAL"]

ROLLED_BACK = 4_000
IN_TURN = 20_000
ROUNDS, WORKERS = 20, 3


def _roll_back(stage: Stage) -> None:
    server = stage.servers.redis
    with server.client() as client:
        client.config_set("appendfsync", "no")
    stage.sender.reach(ROLLED_BACK * 4 // 10)
    kept = time.monotonic()
    server.keep()
    stage.sender.reach(ROLLED_BACK // 2)
    with away(stage):
        server.kill()
        server.roll_back()
        server.start()
    stage.story.rolled_back(kept, time.monotonic())
    stage.sender.reach(ROLLED_BACK)


def _each_in_turn(stage: Stage) -> None:
    crew = list(stage.crew)
    for round_ in range(ROUNDS):
        for place, member in enumerate(crew):
            crew[place] = replace(stage, member)
            kills = round_ * WORKERS + place + 1
            goal = IN_TURN * kills // (ROUNDS * WORKERS)
            stage.sender.reach(goal + stage.random.randint(0, 50), timeout_s=600)


SPECIAL = (
    Fault(
        f"Redis: appendfsync no, kill -9, back with an older snapshot amid {ROLLED_BACK} alerts",
        _roll_back,
        task_brokers=("redis",),
        pools=("prefork",),
        pace=Pace(rate=150.0, after=0, settle_s=120.0),
        environ={"FAULTS_HANDLING_S": "0.001"},
    ),
    Fault(
        f"worker: each of {WORKERS} killed in turn, {ROUNDS} rounds, {IN_TURN} alerts",
        _each_in_turn,
        workers=WORKERS,
        longest_limit_s=30.0,
        task_brokers=("redis",),
        pools=("prefork",),
        pace=Pace(rate=30.0, after=0, settle_s=120.0),
    ),
)
