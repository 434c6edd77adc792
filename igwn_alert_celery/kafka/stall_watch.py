# SPDX-License-Identifier: BSD-3-Clause
"""Looks for partitions that librdkafka no longer fetches, beside a loop that must not wait.

See :mod:`igwn_alert_celery.kafka.stalls` for what stalls, and for a loop that may wait.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import LOST_S
from igwn_alert_celery.kafka.cluster import Cluster
from igwn_alert_celery.kafka.ends import Ends
from igwn_alert_celery.record import TopicPartition

__all__ = ["StallWatch"]

logger = logging.getLogger(__name__)

#: How often Kafka is asked, seconds.
ASK_S = 3.0
#: How long a record may take from Kafka to us before its partition counts as stalled, seconds.
#: After a broker's restart librdkafka itself waits for up to 2 s.
REST_S = 3.0
#: What still has not come is returned again after so long, seconds.
AGAIN_S = 60.0


class StallWatch:
    """Compares what Kafka had some seconds ago with what has come since; never blocks.

    Parameters
    ----------
    cluster : Cluster
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._question: Ends | None = None
        self._answered_at: float | None = None
        self._asked_at = 0.0
        self._before: dict[TopicPartition, int] = {}
        self._told: dict[TopicPartition, tuple[int, float]] = {}

    def begin_anew(self, partitions: Iterable[TopicPartition]) -> None:
        """Give partitions that were held back until now time to flow."""
        for partition in partitions:
            self._before.pop(partition, None)

    def look(
        self, positions: Mapping[TopicPartition, int], *, is_idle: bool
    ) -> list[TopicPartition]:
        """Return the partitions whose records have not come, each at most once a minute.

        Unless there is more still: what lies there may be nothing but a transaction's markers.

        Parameters
        ----------
        positions : mapping
            Next offset of each partition that flows.
        is_idle : bool
            Whether the last poll found nothing: all that Kafka has handed out was taken.
        """
        now = time.monotonic()
        # A partition that was held back meanwhile begins anew.
        self._before = {tp: at for tp, at in self._before.items() if positions.get(tp) == at}
        if self._question is None:
            if now >= self._asked_at + ASK_S:
                self._ask(positions, now)
            return []
        if self._answered_at is None:
            self._answered_at = now if self._question.done else None
            if self._answered_at is None and now > self._asked_at + LOST_S:
                self._question = None
            return []
        if not is_idle or now < self._answered_at + REST_S:
            return []
        return self._judge(self._question)

    def _ask(self, positions: Mapping[TopicPartition, int], now: float) -> None:
        self._asked_at, self._before, self._answered_at = now, dict(positions), None
        try:
            self._question = self._cluster.ask_ends(positions)
        except KafkaUnavailable:
            self._question = None  # asked again in a moment; the loop itself finds Kafka away

    def _judge(self, question: Ends) -> list[TopicPartition]:
        self._question, ends, now = None, question.offsets(), time.monotonic()
        stalled = {tp: ends[tp] for tp, at in self._before.items() if ends.get(tp, at) > at}
        known = {tp: told for tp, told in self._told.items() if told[0] == stalled.get(tp)}
        for partition in stalled.keys() - known.keys():
            logger.warning(
                "%s[%d] had stopped flowing at offset %d, and is fetched anew",
                partition.topic,
                partition.partition,
                self._before[partition],
            )
        due = [tp for tp in stalled if tp not in known or now > known[tp][1] + AGAIN_S]
        self._told = {**known, **{tp: (stalled[tp], now) for tp in due}}
        return due
