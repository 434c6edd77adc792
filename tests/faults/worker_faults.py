# SPDX-License-Identifier: BSD-3-Clause
"""What is done to workers."""

from __future__ import annotations

import os
import signal
import time

from tests.faults.crew import CrewMember
from tests.faults.fault import Fault
from tests.faults.stage import Stage
from tests.services.wait import wait_until

__all__ = ["WORKER_FAULTS", "kill", "lone_survivor", "replace"]

# Longer than a worker may be silent before it is judged dead, and than Kafka's session.
FROZEN_S = 25.0
SIGTERM_S = 60.0


def kill(stage: Stage, member: CrewMember) -> None:
    """Kill a worker, pool and all."""
    stage.story.was_killed(member.name, member.kill())


def replace(stage: Stage, member: CrewMember) -> CrewMember:
    """Kill a worker, start another, and wait until it receives."""
    kill(stage, member)
    other = stage.worker()
    stage.way.listens(stage, other)
    return other


def _kill_one(stage: Stage) -> None:
    kill(stage, stage.crew[0])


def _kill_in_turn(stage: Stage) -> None:
    for turn in range(2):
        replace(stage, stage.crew[turn])
        stage.under_way(stage.random.randint(20, 60))


def _kill_children(stage: Stage) -> None:
    member = stage.crew[0]
    for _ in range(3):
        victim = wait_until(lambda: member.pool, 30, "a child in the pool")[0]
        stage.story.lost_child(member.name, time.monotonic())
        os.kill(victim, signal.SIGKILL)
        stage.under_way(stage.random.randint(20, 60))


def _freeze(stage: Stage) -> None:
    member, since = stage.crew[0], time.monotonic()
    member.freeze()
    try:
        stage.last_for(FROZEN_S)
    finally:
        member.thaw()
        stage.story.was_frozen(member.name, since, time.monotonic() + 5.0)


def _terminate(stage: Stage) -> None:
    member = stage.crew[0]
    stage.story.killed.append(time.monotonic())
    member.terminate()
    wait_until(lambda: not member.process.alive, SIGTERM_S, "the worker ends by itself")


def _restart_killed(stage: Stage) -> None:
    replace(stage, stage.crew[0])


def _restart_stopped(stage: Stage) -> None:
    member = stage.crew[0]
    member.terminate()
    wait_until(lambda: not member.process.alive, SIGTERM_S, "the worker ends by itself")
    stage.way.listens(stage, stage.worker())


def lone_survivor(stage: Stage) -> None:
    """Kill all workers but one, one after the other."""
    for member in stage.crew[:-1]:
        kill(stage, member)


WORKER_FAULTS = (
    Fault("worker: kill -9", _kill_one),
    Fault("worker: two, each killed in turn", _kill_in_turn),
    Fault("worker: kill -9 of pool children", _kill_children, workers=1, pools=("prefork",)),
    Fault("worker: SIGSTOP for 25 s, then SIGCONT", _freeze),
    Fault("worker: the only one, kill -9, started again", _restart_killed, workers=1),
    Fault("worker: the only one, SIGTERM, started again", _restart_stopped, workers=1),
    Fault("worker: SIGTERM under load", _terminate, takeover_limit_s=1.0),
    Fault("worker: 20, of which 19 are killed", lone_survivor, workers=20, pools=("solo",)),
)
