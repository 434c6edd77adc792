# SPDX-License-Identifier: BSD-3-Clause
"""Sends numbered alerts at a steady rate, whatever happens meanwhile."""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from typing import Any

from confluent_kafka import Producer

from tests.services.wait import wait_until

__all__ = ["Sender", "alert"]

PARTITIONS = 4
ASK_S = 0.5


def alert(number: int) -> str:
    """Return an alert in GraceDB's wire form, a number as its uid."""
    inner = {"uid": str(number), "alert_type": "new", "data": {}, "object": {"labels": []}}
    return json.dumps(json.dumps(inner))


class Sender:
    """
    A thread with a producer that waits for Kafka as long as it takes.

    Parameters
    ----------
    bootstrap : str
        Kafka, not by the detour.
    topic : str
        Kafka's name of the topic, with four partitions.

    Attributes
    ----------
    accepted : dict
        When Kafka had taken each alert, by number.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer: Any = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 600_000,
                "reconnect.backoff.max.ms": 500,
                "linger.ms": 0,
                "log_level": 0,
                "error_cb": lambda _error: None,  # a broker that is down is the test
            }
        )
        self._stop = threading.Event()
        self._dealing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._refused: list[str] = []
        self._asked = 0.0
        self.sent = 0
        self.accepted: dict[int, float] = {}

    def start(self, rate: float) -> None:
        """Send so many a second from now on, until :meth:`stop`."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(rate,), name="sender", daemon=True)
        self._thread.start()

    def send(self, count: int) -> None:
        """Send so many at once."""
        for _ in range(count):
            self._one()

    def stop(self, timeout_s: float = 120.0) -> None:
        """Send no more, and wait until Kafka has taken all that was sent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        left = self._producer.flush(timeout_s)
        if left or self._refused:
            raise RuntimeError(f"{left} alerts unsent, refused: {self._refused[:3]}")

    def ask(self) -> None:
        """Send an alert that does not count, to each partition; at most twice a second."""
        now = time.monotonic()
        if now - self._asked < ASK_S:
            return
        self._asked = now
        for partition in range(PARTITIONS):
            self._producer.produce(self._topic, alert(-1), partition=partition)
        self._producer.poll(0)

    def reach(self, number: int, timeout_s: float = 120.0) -> None:
        """Wait until so many have been sent."""
        wait_until(lambda: self.sent >= number, timeout_s, f"{number} alerts sent")

    def close(self) -> None:
        """Give up what is still under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._producer.purge()
        self._producer.flush(5.0)

    def _run(self, rate: float) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            self._one()
            due += 1 / rate
            # It is the producer's own wait, so that reports are taken in time.
            while (left := due - time.monotonic()) > 0 and not self._stop.is_set():
                self._producer.poll(min(left, 0.1))

    def _one(self) -> None:
        with self._dealing:
            number, self.sent = self.sent, self.sent + 1
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    alert(number),
                    partition=number % PARTITIONS,
                    on_delivery=partial(self._delivered, number),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def _delivered(self, number: int, error: object, _message: object) -> None:
        if error is not None:
            self._refused.append(str(error))
        else:
            self.accepted[number] = time.monotonic()
