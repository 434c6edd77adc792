# SPDX-License-Identifier: BSD-3-Clause
"""Partitions that are ours and do not flow yet: which of them can start, and where."""

from __future__ import annotations

import time

from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.worker.parts import Parts
from igwn_alert_celery.worker.positions import Progress

__all__ = ["Newcomers"]

#: Who was silent is asked again after so long, seconds.
SILENT_S = 30.0


class Newcomers:
    """For the receiver's thread only; blocks on Kafka and on the task broker."""

    def __init__(self, parts: Parts) -> None:
        self._consumer = parts.consumer
        self._topics = parts.topics
        self._positions = parts.positions
        # They cannot start yet: their topic is gone and Kafka has not noticed, or their broker is
        # silent, which takes long to find out.
        self._gone: set[TopicPartition] = set()
        self._silent: set[TopicPartition] = set()
        self._silent_since = 0.0

    @property
    def waiting(self) -> set[TopicPartition]:
        """Those that may be able to start."""
        return self._consumer.new - self._gone - self._silent

    def starts(self) -> dict[TopicPartition, Progress]:
        """Return where those start that can."""
        self._topics.look()
        asked = self._consumer.new - self._silent
        pids = self._topics.partition_ids(asked)
        starts = self._positions.starts(pids)
        self._gone = asked - pids.keys()
        if pids.keys() - starts.keys():
            self._silent |= pids.keys() - starts.keys()
            self._silent_since = time.monotonic()
        return starts

    def look_again(self) -> None:
        """Let those that could not start try again, the silent ones now and then."""
        self._gone = set()
        if time.monotonic() - self._silent_since > SILENT_S:
            self._silent = set()
