# SPDX-License-Identifier: BSD-3-Clause
"""From which offset does a partition begin that no consumer group keeps?"""

from __future__ import annotations

import logging
from collections.abc import Collection

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.cluster import Cluster, ClusterView
from igwn_alert_celery.record import TopicPartition

__all__ = ["EARLIEST", "LATEST", "CreatedAgain", "Start", "Starts"]

logger = logging.getLogger(__name__)

#: ``latest``, ``earliest``, or milliseconds since the epoch.
Start = str | int
LATEST, EARLIEST = "latest", "earliest"


class CreatedAgain:
    """Tells topics that were deleted and created again by their ids.

    A topic that is merely absent is none of them: a broker that has just started knows no topic.

    Attributes
    ----------
    ids : dict
        The id of each topic, as last seen; empty where Kafka has none.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.ids: dict[str, str] = {}

    def look(self, topics: Collection[str]) -> set[str]:
        """Return those of the topics that have another id than before; blocks, asking Kafka.

        Nothing is told when Kafka does not answer, but at a later look.
        """
        try:
            ids = self._cluster.topic_ids(topics)
        except KafkaUnavailable as exc:
            logger.debug("cannot ask for the topics' ids: %s", exc)
            return set()
        again = {topic for topic, found in ids.items() if self.ids.get(topic, found) != found}
        self.ids.update(ids)
        for topic in sorted(again):
            logger.warning(
                "%s was deleted and created again; reading it from its beginning",
                topic,
                extra={"topic": topic},
            )
        return again


class Starts:
    """Finds the offsets; those of brokers that do not answer are found at a later call.

    Parameters
    ----------
    cluster : Cluster
    start : str or int
    made_ms : int
        Now, in milliseconds since the epoch: ``latest`` for what Kafka does not tell at once.

    Attributes
    ----------
    offsets : dict
        Where each partition has begun.
    ends : dict
        The high watermark of each partition that was there at the first look.
    """

    def __init__(self, cluster: Cluster, start: Start, made_ms: int) -> None:
        self._cluster = cluster
        self._start = start
        self._made_ms = made_ms
        self._known: set[TopicPartition] = set()
        self._pending: dict[TopicPartition, Start] = {}
        self._at_first: set[TopicPartition] | None = None
        self.offsets: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}

    @property
    def is_settled(self) -> bool:
        """Whether Kafka has been asked, and has answered for every partition."""
        return self._at_first is not None and not self._pending

    def see(self, view: ClusterView, topics: Collection[str]) -> None:
        """Note the partitions of these topics: those of later looks begin at their beginning."""
        every = {
            TopicPartition(topic, number)
            for topic in topics
            for number in range(view.topics.get(topic, 0))
        }
        start: Start = EARLIEST
        if self._at_first is None:
            self._at_first, start = every, self._start
        self._pending.update(dict.fromkeys(every - self._known, start))
        self._known |= every

    def place(self, partition: TopicPartition, offset: int) -> None:
        """Let a partition begin at this offset, whatever else would be found for it."""
        self._known.add(partition)
        self._pending.pop(partition, None)
        self.offsets[partition] = offset

    def again(self, partition: TopicPartition) -> None:
        """Let a partition begin anew: Kafka has no record (any more) at its position."""
        self._pending[partition] = EARLIEST

    def anew(self, topics: Collection[str]) -> None:
        """Forget topics that were created again: :meth:`see` takes them for new ones."""
        for partition in [tp for tp in self._known if tp.topic in topics]:
            self._known.discard(partition)
            for noted in (self._pending, self.offsets, self.ends):
                noted.pop(partition, None)
            if self._at_first is not None:
                self._at_first.discard(partition)

    def missed(self) -> None:
        """Note that Kafka did not tell the ends in time: there is more by now."""
        if self._start != LATEST:
            return
        self._start = self._made_ms
        for partition in [tp for tp, start in self._pending.items() if start == LATEST]:
            self._pending[partition] = self._made_ms

    def settle(self, view: ClusterView) -> dict[TopicPartition, int]:
        """Return the offsets of partitions that can begin now; blocks while Kafka is asked."""
        asked = [tp for tp in self._pending if tp not in view.leaderless]
        found = self._find(asked) if asked else {}
        if self._pending:
            self.missed()
        return found

    def _find(self, asked: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        marks, times = self._cluster.watermarks(asked), self._at_time(asked)
        found = {}
        for tp, (low, high) in marks.items():
            choices = {EARLIEST: low, LATEST: high}
            start = self._pending[tp]
            offset = times.get(tp) if isinstance(start, int) else choices[start]
            if offset is not None:
                found[tp] = offset
                self._begin(tp, offset, high)
        return found

    def _begin(self, partition: TopicPartition, offset: int, high: int) -> None:
        del self._pending[partition]
        self.offsets[partition] = offset
        if self._at_first is not None and partition in self._at_first:
            self.ends.setdefault(partition, high)

    def _at_time(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        if not isinstance(self._start, int):
            return {}
        timed = [tp for tp in partitions if self._pending[tp] == self._start]
        return self._cluster.offsets_at(timed, self._start) if timed else {}
