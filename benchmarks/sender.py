# SPDX-License-Identifier: BSD-3-Clause
"""Sends numbered alerts at a rate, and knows when each was sent and when Kafka had taken it."""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from typing import Any

from benchmarks.alerts import HEADERS
from benchmarks.stage import Stage
from benchmarks.warming import FIRST

__all__ = ["Sender"]


class Sender:
    """
    A raw producer that waits for nothing; times are nanoseconds of the clock that all share.

    Parameters
    ----------
    stage : Stage
        Where to send.
    rate : float
        Alerts a second; the pauses between them vary by half, so that they meet every phase of
        whatever polls.

    Attributes
    ----------
    called, taken : dict
        When each alert was handed to the producer, and when Kafka had acknowledged it.
    """

    def __init__(self, stage: Stage, rate: float) -> None:
        self.called: dict[int, int] = {}
        self.taken: dict[int, int] = {}
        self._stage = stage
        self._pause_s = 1 / rate
        self._chance = random.Random(1)
        self._refused: list[str] = []
        self._end = threading.Event()
        self._producer: Any = stage.producer({"linger.ms": 0})
        self._connect()

    def run(self, count: int | None = None) -> None:
        """Send so many, or until :meth:`stop`; blocks until Kafka has taken all of them."""
        due = time.monotonic()
        number = 0
        while not self._end.is_set() and (count is None or number < count):
            self._one(number)
            number += 1
            due += self._pause_s * self._chance.uniform(0.5, 1.5)
            # It is the producer's own wait, so that acknowledgements are taken when they come.
            while (left := due - time.monotonic()) > 0:
                self._producer.poll(left)
        unsent = self._producer.flush(30.0)
        if unsent or self._refused:
            raise RuntimeError(f"{unsent} alerts unsent, refused: {self._refused[:3]}")

    def stop(self) -> None:
        """Send no more."""
        self._end.set()

    def _connect(self) -> None:
        """Send what does not count, so that no alert pays for the first connection."""
        stage = self._stage
        for partition in range(stage.plan.partitions):
            self._producer.produce(stage.topic, stage.alerts.wire(FIRST), partition=partition)
        self._producer.flush(30.0)

    def _one(self, number: int) -> None:
        stage = self._stage
        value = stage.alerts.wire(number)
        where = {"headers": HEADERS, "partition": number % stage.plan.partitions}
        self.called[number] = time.monotonic_ns()
        self._producer.produce(
            stage.topic, value, on_delivery=partial(self._acknowledged, number), **where
        )
        self._producer.poll(0)

    def _acknowledged(self, number: int, error: object, _: object) -> None:
        self.taken[number] = time.monotonic_ns()
        if error is not None:
            self._refused.append(str(error))
