# SPDX-License-Identifier: BSD-3-Clause
"""Finds partitions that librdkafka no longer fetches, although Kafka has more.

It happens, rarely, when a broker is restarted: seen with librdkafka 2.16, once in about 20 restarts
of a busy machine's broker; https://github.com/confluentinc/librdkafka/issues/4492 tells the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from igwn_alert_celery.kafka.cluster import Cluster
from igwn_alert_celery.record import TopicPartition

__all__ = ["Stalls"]


class Stalls:
    """Compares what was there some seconds ago with what has come since."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._before: dict[TopicPartition, tuple[int, int]] = {}
        self._told: dict[TopicPartition, tuple[int, int]] = {}
        self._was_empty = False

    def note_empty(self) -> None:
        """Note that a poll has found nothing: what Kafka has handed out was taken."""
        self._was_empty = True

    def look(self, positions: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """Return the partitions whose records of the last look have not come; asks Kafka.

        Each is returned once, until there is more still: what lies there may be nothing but the
        markers of a transaction.
        """
        before, was_empty = self._before, self._was_empty
        resting = [tp for tp, at in positions.items() if before.get(tp, (-1, 0))[0] == at]
        marks = self._cluster.watermarks(resting) if resting else {}
        self._before = {
            tp: (at, marks[tp][1] if tp in marks else at) for tp, at in positions.items()
        }
        self._was_empty = False
        if not was_empty:
            return []
        stalled = {tp: before[tp] for tp in resting if before[tp][1] > positions[tp]}
        new = [tp for tp, seen in stalled.items() if self._told.get(tp) != seen]
        self._told = stalled
        return new
