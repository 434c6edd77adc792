# SPDX-License-Identifier: BSD-3-Clause
"""What is done to Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.faults.fault import Fault
from tests.faults.link_faults import link_faults
from tests.faults.servers import frozen
from tests.faults.stage import Stage
from tests.services.ports import free_port
from tests.services.wait import wait_until

__all__ = ["REDIS_FAULTS", "away"]

AWAY_S = 5.0
# Longer than the time-out of our calls and of Celery's.
HANGING_S = 15.0


@contextmanager
def away(stage: Stage) -> Iterator[None]:
    """Tell the story of a task broker that cannot be used in this time."""
    since = time.monotonic()
    yield
    stage.story.was_away(since, time.monotonic())


def _restart(stage: Stage) -> None:
    with away(stage):
        stage.servers.redis.kill()
        stage.last_for(AWAY_S)
        stage.servers.redis.start()


def _freeze(stage: Stage) -> None:
    with away(stage), frozen(stage.servers.redis):
        stage.last_for(HANGING_S)


def _roll_back(stage: Stage) -> None:
    server = stage.servers.redis
    with server.client() as client:
        client.config_set("appendfsync", "no")
    kept = time.monotonic()
    server.keep()
    stage.under_way(60)
    with away(stage):
        server.kill()
        server.roll_back()
        server.start()
    stage.story.rolled_back(kept, time.monotonic())


def _empty(stage: Stage) -> None:
    with stage.servers.redis.client() as client:
        stage.sender.send(300)
        wait_until(lambda: client.llen(stage.name) > 50, 10, "a queue to be lost")
        client.flushall()
    stage.story.was_emptied(time.monotonic())


def _read_only(stage: Stage) -> None:
    with away(stage), stage.servers.redis.client() as client:
        client.replicaof("127.0.0.1", free_port())
        stage.last_for(AWAY_S)
        client.replicaof("NO", "ONE")


def _full(stage: Stage) -> None:
    with away(stage), stage.servers.redis.client() as client:
        client.config_set("maxmemory", 1)
        stage.last_for(AWAY_S)
        client.config_set("maxmemory", 0)


def _forget_scripts(stage: Stage) -> None:
    with stage.servers.redis.client() as client:
        for _ in range(3):
            client.script_flush()
            stage.under_way(20)


_on_redis = partial(Fault, task_brokers=("redis",))

REDIS_FAULTS = (
    _on_redis("Redis: kill -9, back after 5 s with its data", _restart),
    _on_redis("Redis: SIGSTOP for 15 s", _freeze),
    _on_redis("Redis: kill -9, back with an older snapshot", _roll_back),
    _on_redis("Redis: emptied", _empty),
    _on_redis("Redis: read-only for 5 s", _read_only),
    _on_redis("Redis: out of memory for 5 s", _full),
    _on_redis("Redis: SCRIPT FLUSH", _forget_scripts),
    *link_faults("redis", "Redis", _on_redis, away),
)
