# SPDX-License-Identifier: BSD-3-Clause
"""What is sent to Kafka, and the final reports of what has become of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from igwn_alert_celery.errors import SendError, SendFailed
from igwn_alert_celery.kafka.wake import Wake
from igwn_alert_celery.record import Headers

__all__ = ["Delivery", "OnReport", "OutgoingRecord", "Report", "Reports"]

_GRACE_S = 5.0
# Waking up so late is no busy machine.
_STOPPED_S = 1.0
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRecord:
    """A record to be sent; ``topic`` is the full Kafka topic."""

    topic: str
    value: bytes = field(repr=False)
    key: bytes | None = None
    headers: Headers = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where Kafka has put a record, and when.

    ``topic`` is the full Kafka topic; ``timestamp_ms`` the record's time, milliseconds since the
    epoch; ``latency_ms`` how long it took from giving it to librdkafka to Kafka's acknowledgement.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    latency_ms: float


Report = Delivery | SendError
OnReport = Callable[[Report], None]


class Reports:
    """Collects the reports of some records; whoever waits is woken by the last one."""

    def __init__(self, records: Sequence[OutgoingRecord]) -> None:
        self._records = records
        self._found: dict[int, Report] = {}
        self._wake = Wake() if records else None

    def take(self, number: int, report: Report) -> None:
        """Take the report of one record; any thread."""
        # From two threads, but each assignment is atomic, and the last one sees them all.
        self._found[number] = report
        if len(self._found) == len(self._records) and self._wake is not None:
            self._wake.set()

    def wait(self, deadline: float) -> list[Report]:
        """Return the reports in order; blocks until the last one, or the deadline."""
        if self._wake is not None and not self._wake.wait(deadline - time.monotonic()):
            self._wait_after_a_stop(deadline)
        return [self._found.get(n) or _late(record) for n, record in enumerate(self._records)]

    def _wait_after_a_stop(self, deadline: float) -> None:
        """Wait for reports that are due, where this whole process was stopped meanwhile."""
        now = time.monotonic()
        if now - deadline < _STOPPED_S:
            return
        until = now + _GRACE_S
        while len(self._found) < len(self._records) and time.monotonic() < until:
            time.sleep(_LOOK_S)


def _late(record: OutgoingRecord) -> SendFailed:
    text = f"Kafka has not yet acknowledged the record for {record.topic}; it may still do so"
    return SendFailed(text, record.topic, "unacknowledged", is_final=False)
