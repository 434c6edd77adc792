# SPDX-License-Identifier: BSD-3-Clause
"""Faults that overlap, chosen by a seed: each target has its own, one after the other.

The plan is made before anything starts, so a seed always gives the same faults at the same times.
What they meet at those times is up to the machine.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.crew import CrewMember
from tests.faults.kafka_faults import kafka_away
from tests.faults.links import Link
from tests.faults.redis_faults import away
from tests.faults.servers import frozen
from tests.faults.stage import Stage
from tests.faults.worker_faults import kill
from tests.services.wait import wait_until

__all__ = ["Act", "Acts", "plan"]

# Between the end of one fault and the beginning of the next on the same target, and how long one
# lasts, in seconds.
PAUSE_S = (6.0, 25.0)
LASTS_S = (1.0, 10.0)

Doing = Callable[[Stage, float, random.Random], None]


@dataclass(frozen=True, slots=True)
class Act:
    """One fault: what, on which target, when after the start, and for how long."""

    target: str
    what: str
    at_s: float
    lasts_s: float

    def __str__(self) -> str:
        return f"{self.at_s:5.1f} s: {self.target}: {self.what} for {self.lasts_s:.1f} s"


def _victim(stage: Stage, chance: random.Random) -> CrewMember:
    """The first worker is spared: a soak watches it."""
    alive = [member for member in stage.crew[1:] if member.process.alive]
    if not alive:
        raise RuntimeError("no worker is left but the first: they have ended by themselves")
    return chance.choice(alive)


def _kill_a_worker(stage: Stage, _for_s: float, chance: random.Random) -> None:
    kill(stage, _victim(stage, chance))
    stage.worker()


def _kill_a_child(stage: Stage, _for_s: float, chance: random.Random) -> None:
    # Celery ends a worker whose process dies before its consumer's loop has begun
    # (celery/worker/loops.py, "Could not start worker processes").
    begun = {note.worker for note in stage.diary.notes() if note.kind == "start"}
    members = [m for m in stage.crew[1:] if m.process.alive and m.name in begun and m.pool]
    if members:
        member = chance.choice(members)
        stage.story.lost_child(member.name, time.monotonic())
        os.kill(chance.choice(member.pool), signal.SIGKILL)


def _freeze_a_worker(stage: Stage, for_s: float, chance: random.Random) -> None:
    member = _victim(stage, chance)
    since = time.monotonic()
    member.freeze()
    try:
        stage.last_for(for_s)
    finally:
        member.thaw()
        stage.story.was_frozen(member.name, since, time.monotonic() + 5.0)


def _stop_a_worker(stage: Stage, _for_s: float, chance: random.Random) -> None:
    member = _victim(stage, chance)
    member.terminate()
    wait_until(lambda: not member.process.alive, 90, f"{member.name} ends by itself")
    stage.worker()


def _crash_redis(stage: Stage, for_s: float, _chance: random.Random) -> None:
    with away(stage):
        stage.servers.redis.kill()
        stage.last_for(for_s)
        stage.servers.redis.start()


def _freeze_redis(stage: Stage, for_s: float, _chance: random.Random) -> None:
    with away(stage), frozen(stage.servers.redis):
        stage.last_for(for_s)


def _crash_kafka(stage: Stage, for_s: float, _chance: random.Random) -> None:
    with kafka_away(stage):
        stage.servers.kafka.kill()
        stage.last_for(for_s)
        stage.servers.kafka.start()


def _freeze_kafka(stage: Stage, for_s: float, _chance: random.Random) -> None:
    with kafka_away(stage), frozen(stage.servers.kafka):
        stage.last_for(for_s)


def _on_link(name: str, how: Callable[[Link], None]) -> Doing:
    telling = away if name == "redis" else kafka_away

    def do(stage: Stage, for_s: float, _chance: random.Random) -> None:
        with telling(stage):
            how(stage.servers.links[name])
            stage.last_for(for_s)
            stage.servers.links[name].heal()

    return do


def _slow(link: Link) -> None:
    link.slow(50, 50)


LINKS = {"refused": Link.cut, "reset": Link.reset, "half open": Link.silence, "slow": _slow}
TARGETS: dict[str, dict[str, Doing]] = {
    "worker": {
        "kill -9": _kill_a_worker,
        "kill -9 of a child": _kill_a_child,
        "SIGSTOP": _freeze_a_worker,
        "SIGTERM": _stop_a_worker,
    },
    "Redis": {"kill -9": _crash_redis, "SIGSTOP": _freeze_redis},
    "Kafka": {"kill -9": _crash_kafka, "SIGSTOP": _freeze_kafka},
    "way to Redis": {what: _on_link("redis", how) for what, how in LINKS.items()},
    "way to Kafka": {what: _on_link("kafka", how) for what, how in LINKS.items()},
}


def plan(seed: int, seconds: float) -> list[Act]:
    """Return the faults of a seed that begin within so many seconds, in their order."""
    acts = []
    for target, faults in TARGETS.items():
        chance = random.Random(f"{seed} {target}")
        at_s = chance.uniform(*PAUSE_S)
        while at_s < seconds:
            lasts_s = chance.uniform(*LASTS_S)
            acts.append(Act(target, chance.choice(sorted(faults)), at_s, lasts_s))
            at_s += lasts_s + chance.uniform(*PAUSE_S)
    return sorted(acts, key=lambda act: act.at_s)


class Acts:
    """
    Carries a plan out, one thread a target.

    Parameters
    ----------
    stage : Stage
        On which alerts flow.
    acts : list of Act
        The plan.
    seed : int
        For what is chosen at its time, for instance which worker.
    """

    def __init__(self, stage: Stage, acts: list[Act], seed: int) -> None:
        self._stage = stage
        self._seed = seed
        self._began = time.monotonic()
        self._failed: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, name=target, args=(target, acts), daemon=True)
            for target in TARGETS
        ]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Wait for the last one; raise what kept one from being carried out."""
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise self._failed[0]

    def _run(self, target: str, acts: list[Act]) -> None:
        chance = random.Random(f"{self._seed} {target} choices")
        try:
            for act in acts:
                if act.target == target:
                    self._stage.last_for(max(0.0, self._began + act.at_s - time.monotonic()))
                    TARGETS[target][act.what](self._stage, act.lasts_s, chance)
        except BaseException as exc:  # noqa: BLE001 - raised by wait()
            self._failed.append(exc)
