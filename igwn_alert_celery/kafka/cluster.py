# SPDX-License-Identifier: BSD-3-Clause
"""Questions to Kafka: which topics, from which offset to which, what has been committed.

Each blocks for a few seconds at most and raises :exc:`KafkaUnavailable`; all partitions are asked
about in one call.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import confluent_kafka
from confluent_kafka import IsolationLevel, KafkaError
from confluent_kafka.admin import OffsetSpec

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import CALL_S, answer_of, kafka_errors, ours, plain
from igwn_alert_celery.kafka.ends import Ends
from igwn_alert_celery.kafka.silence import Silence
from igwn_alert_celery.kafka.topic_ids import TopicIds
from igwn_alert_celery.record import TopicPartition

__all__ = ["Cluster", "ClusterView", "Commit"]

logger = logging.getLogger(__name__)

# What ListOffsets takes for a time: https://kafka.apache.org/protocol#The_Messages_ListOffsets
_LATEST, _EARLIEST = -1, -2
# For about a second after a broker's start nobody knows yet who coordinates the group.
_COORDINATOR_COMES = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
}
_COORDINATOR_S = 0.2


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Kafka's metadata: the cluster's id and the number of partitions of each topic.

    ``leaderless`` are partitions whose broker is away: whatever is asked about them has to wait.
    """

    cluster_id: str
    topics: Mapping[str, int]
    leaderless: frozenset[TopicPartition] = frozenset()

    def partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        """Return the partitions of those of the topics that exist, without the leaderless."""
        every = (
            TopicPartition(topic, number)
            for topic in topics
            for number in range(self.topics.get(topic, 0))
        )
        return [partition for partition in every if partition not in self.leaderless]

    def is_whole(self, topic: str) -> bool:
        """Whether all partitions of the topic have a leader."""
        return not any(partition.topic == topic for partition in self.leaderless)


@dataclass(frozen=True, slots=True)
class Commit:
    """A committed offset and the text that was committed with it."""

    next_offset: int
    metadata: str


class Cluster:
    """The cluster as one consumer sees it; for the consumer's own thread only.

    Parameters
    ----------
    consumer : confluent_kafka.Consumer
    admin : confluent_kafka.admin.AdminClient

    Attributes
    ----------
    silence, admin_silence : Silence
        Of :meth:`view`, which asks the consumer; of the ids, which the administration client asks.
    """

    def __init__(self, consumer: Any, admin: Any) -> None:
        self.use(consumer, admin)
        self._is_mock = False
        self._leaders: dict[TopicPartition, int] = {}

    def use(self, consumer: Any, admin: Any) -> None:
        """Ask these from now on."""
        self._consumer = consumer
        self._admin = admin
        self.silence, self.admin_silence = Silence(), Silence()

    def view(self, timeout_s: float = CALL_S) -> ClusterView:
        """Return the topics that the credential may see."""
        began = time.monotonic()
        try:
            with kafka_errors("listing the topics"):
                metadata = self._consumer.list_topics(timeout=timeout_s)
        except KafkaUnavailable:
            self.silence.asked_in_vain(began)
            raise
        self.silence.answered()
        known = {name: topic for name, topic in metadata.topics.items() if topic.error is None}
        topics = {name: len(topic.partitions) for name, topic in known.items()}
        cluster_id = metadata.cluster_id or ""
        self._leaders = {
            TopicPartition(name, number): partition.leader
            for name, topic in known.items()
            for number, partition in topic.partitions.items()
        }
        # librdkafka's mock cluster has no controller, and would be waited for in vain.
        self._is_mock = cluster_id.startswith("mockCluster")
        leaderless = frozenset(tp for tp, leader in self._leaders.items() if leader < 0)
        return ClusterView(cluster_id, topics, leaderless)

    def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """Return the id of each topic; leaves out those that Kafka has none for."""
        return self.ask_topic_ids(topics).wait()

    def ask_topic_ids(self, topics: Collection[str]) -> TopicIds:
        """Ask for the ids of topics; does not block."""
        if not topics or self._is_mock:
            return TopicIds({})
        collection = confluent_kafka.TopicCollection(sorted(topics))
        with kafka_errors("describing the topics"):
            futures = self._admin.describe_topics(
                collection, include_authorized_operations=True, request_timeout=CALL_S
            )
        return TopicIds(futures, self.admin_silence)

    def forbidden(self, topics: Collection[str]) -> set[str]:
        """Return those of the topics that exist and that we may not read, as far as Kafka tells."""
        return self.ask_topic_ids(topics).forbidden()

    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Commit]:
        """Return what the consumer group has committed."""
        asked = [plain(tp) for tp in partitions]
        if not asked:
            return {}
        with kafka_errors("reading the committed offsets"):
            answer = self._committed(asked)
        _refuse_errors("reading the committed offsets", answer)
        return {ours(tp): Commit(tp.offset, tp.metadata or "") for tp in answer if tp.offset >= 0}

    def _committed(self, asked: list[Any]) -> list[Any]:
        until = time.monotonic() + CALL_S
        answer: list[Any] | None = None
        while answer is None:
            try:
                answer = self._consumer.committed(asked, timeout=CALL_S)
            except confluent_kafka.KafkaException as exc:
                comes = exc.args[0].code() in _COORDINATOR_COMES
                if not comes or time.monotonic() > until:
                    raise
                time.sleep(_COORDINATOR_S)
        return answer

    def watermarks(
        self, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Return the low and the high watermark of each partition that answers."""
        low, high = self._offsets(partitions, _EARLIEST), self._offsets(partitions, _LATEST)
        return {tp: (low[tp], high[tp]) for tp in partitions if tp in low and tp in high}

    def ask_ends(self, partitions: Iterable[TopicPartition]) -> Ends:
        """Ask where partitions end, for those who read what is committed; does not block."""
        futures: list[tuple[Any, Any]] = []
        # One question a leader: its answer would wait for that of a silent one.
        for mine in self._by_leader(partitions).values():
            asked = {plain(partition): OffsetSpec.latest() for partition in mine}
            with kafka_errors("asking for the ends"):
                answers = self._admin.list_offsets(
                    asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=CALL_S
                )
            futures += answers.items()
        return Ends(futures)

    def offsets_at(
        self, partitions: Collection[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        """Return the first offset at or after a time, the high watermark where there is none.

        Leaves out partitions that do not answer.
        """
        found = self._offsets(partitions, timestamp_ms)
        without = [tp for tp, offset in found.items() if offset < 0]
        found.update(self._offsets(without, _LATEST))
        return {tp: offset for tp, offset in found.items() if offset >= 0}

    def newest_ms(self, partitions: Collection[TopicPartition]) -> dict[str, int]:
        """Return the time of the newest record of each topic, milliseconds since the epoch.

        Topics without a record are left out, and all of them on brokers before 3.0.
        """
        asked = {plain(tp): OffsetSpec.max_timestamp() for tp in partitions}
        found: dict[str, int] = {}
        if not asked or self._is_mock:
            return found
        with kafka_errors("looking for the newest records"):
            futures = self._admin.list_offsets(asked, request_timeout=CALL_S)
        for part, future in futures.items():
            try:
                timestamp_ms = answer_of(future).timestamp
            except (confluent_kafka.KafkaException, TimeoutError) as exc:
                logger.debug("the newest record of %s is not known: %s", part.topic, exc)
                continue
            if timestamp_ms >= 0:
                found[part.topic] = max(timestamp_ms, found.get(part.topic, 0))
        return found

    def _offsets(
        self, partitions: Collection[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        """Ask each leader by itself: one that is silent must not hide the others' answers."""
        found: dict[TopicPartition, int] = {}
        for leader, mine in self._by_leader(partitions).items():
            try:
                found.update(self._offsets_of_one(mine, timestamp_ms))
            except KafkaUnavailable as exc:
                logger.warning(
                    "broker %d does not answer for %d partitions: %s", leader, len(mine), exc
                )
        return found

    def _by_leader(self, partitions: Iterable[TopicPartition]) -> dict[int, list[TopicPartition]]:
        by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
        for partition in partitions:
            by_leader[self._leaders.get(partition, -1)].append(partition)
        return by_leader

    def _offsets_of_one(
        self, partitions: list[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        asked = [plain(partition, timestamp_ms) for partition in partitions]
        with kafka_errors("reading the offsets"):
            answer = self._consumer.offsets_for_times(asked, timeout=CALL_S)
        for part in answer:
            if part.error is not None:
                logger.warning("%s[%d] does not answer: %s", part.topic, part.partition, part.error)
        return {ours(part): part.offset for part in answer if part.error is None}


def _refuse_errors(doing: str, answer: Iterable[Any]) -> None:
    for part in answer:
        if part.error is not None:
            raise KafkaUnavailable(f"{doing} of {part.topic}[{part.partition}]: {part.error}")
