# SPDX-License-Identifier: BSD-3-Clause
"""Alerts that do not count, until what is measured is seen to take them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from benchmarks.queues import Queue
from benchmarks.sample import OURS
from benchmarks.stage import Stage
from benchmarks.ways import is_worker
from tests.services.wait import wait_until

__all__ = ["FIRST", "LAST", "hears", "ready", "send_wave", "warm"]

#: Alerts of this number and above are for warming up.
FIRST = 9_000_000
_ROUNDS = 60
#: A wave that warming up does not send.
LAST = _ROUNDS
_ROUND_S = 1.0


def ready(stage: Stage, way: str) -> None:
    """Wait until each worker says that it is ready, and has its share of the partitions."""
    for worker in stage.workers:
        if way == OURS:
            worker.expect("receiver: running")
        if is_worker(way):
            worker.expect(" ready.")
    if way == OURS or not is_worker(way):
        busy = min(len(stage.workers), stage.plan.partitions)
        wait_until(lambda: _receiving(stage) >= busy, 60, "each worker has partitions")


def warm(stage: Stage, heard: Callable[[set[int]], bool]) -> None:
    """
    Send alerts of the type ``new`` to every partition, until one round of them has been heard.

    Parameters
    ----------
    stage : Stage
        Its workers run.
    heard : callable
        Whether all alerts of these numbers have come out at the other end.
    """
    for number in range(_ROUNDS):
        wave = send_wave(stage, number)
        try:
            wait_until(partial(heard, wave), _ROUND_S, "heard")
        except TimeoutError:
            continue
        return
    raise TimeoutError(f"nothing of {_ROUNDS} waves of alerts was heard, see the workers' logs")


def send_wave(stage: Stage, number: int) -> set[int]:
    """Send one such alert to each partition, others with each number; return which."""
    first = FIRST + 9 + 10 * stage.plan.partitions * number
    wave = range(first, first + 10 * stage.plan.partitions, 10)
    stage.send(wave)
    return set(wave)


def hears(queue: Queue, tasks: int) -> Callable[[set[int]], bool]:
    """Return what says whether so many tasks of each alert have arrived in a queue."""
    found: set[tuple[int, str]] = set()

    def heard(numbers: set[int]) -> bool:
        found.update((item.number, item.task) for item in queue.arrivals())
        return sum(number in numbers for number, _ in found) == len(numbers) * tasks

    return heard


def _receiving(stage: Stage) -> int:
    """Return how many members of the consumer group have partitions, once it is stable."""
    admin: Any = AdminClient({"bootstrap.servers": stage.servers.kafka.bootstrap, "log_level": 0})
    try:
        group = admin.describe_consumer_groups([stage.name])[stage.name].result(10.0)
    except KafkaException:
        return 0  # nobody has joined it yet
    if group.state.name != "STABLE":
        return 0
    return sum(bool(member.assignment.topic_partitions) for member in group.members)
