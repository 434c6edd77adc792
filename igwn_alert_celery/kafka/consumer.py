# SPDX-License-Identifier: BSD-3-Clause
"""A Kafka consumer in our own words: every call on one thread, every call with a bound.

``Any`` from confluent_kafka stops here; the receiver sees :class:`Record`,
:class:`TopicPartition` and plain numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.record import Record, TopicPartition

__all__ = ["ClusterView", "Commit", "Consumer", "Problem"]

logger = logging.getLogger(__name__)

_CALL_S = 5.0
# A child of the prefork pool inherits these objects; collecting one there would wait for
# librdkafka's threads, which do not exist in the child. This reference keeps them alive.
_alive: set[Any] = set()


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Kafka's metadata: the cluster's id and the number of partitions of each topic."""

    cluster_id: str
    topics: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Commit:
    """A committed offset and the text that was committed with it."""

    next_offset: int
    metadata: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that Kafka reported while polling."""

    code: str
    text: str
    topic: str | None
    partition: int | None


class Consumer:
    """One member of a consumer group; its newly assigned partitions wait paused in ``new``."""

    def __init__(self, config: dict[str, Any]) -> None:
        try:
            self._consumer = confluent_kafka.Consumer(config)
            self._admin = AdminClient(_admin_config(config))
        except confluent_kafka.KafkaException as exc:
            raise KafkaUnavailable(f"Kafka client: {exc.args[0].str()}") from None
        _alive.add(self._consumer)
        _alive.add(self._admin)
        self.assigned: set[TopicPartition] = set()
        self.new: set[TopicPartition] = set()
        self.on_revoke: Any = None

    def view(self, timeout_s: float = _CALL_S) -> ClusterView:
        """Ask for the cluster's topics; raises :exc:`KafkaUnavailable`."""
        with _kafka_errors("listing the topics"):
            metadata = self._consumer.list_topics(timeout=timeout_s)
        topics = {
            name: len(topic.partitions)
            for name, topic in metadata.topics.items()
            if topic.error is None
        }
        return ClusterView(metadata.cluster_id or "", topics)

    def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """Return the id of each topic that Kafka tells one for."""
        if not topics:
            return {}
        collection = confluent_kafka.TopicCollection(sorted(topics))
        with _kafka_errors("describing the topics"):
            futures = self._admin.describe_topics(collection, request_timeout=_CALL_S)
        found = {}
        for topic, future in futures.items():
            try:
                found[topic] = str(future.result(timeout=_CALL_S + 1).topic_id)
            except (confluent_kafka.KafkaException, TimeoutError) as exc:
                # Old brokers, mock clusters and credentials without DESCRIBE have no ids; the
                # watermarks tell a recreated topic then.
                logger.debug("no topic id for %s: %s", topic, exc)
        return found

    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Commit]:
        """Return what the group has committed; raises :exc:`KafkaUnavailable`."""
        asked = [confluent_kafka.TopicPartition(tp.topic, tp.partition) for tp in partitions]
        if not asked:
            return {}
        with _kafka_errors("reading the committed offsets"):
            answer = self._consumer.committed(asked, timeout=_CALL_S)
        return {
            TopicPartition(tp.topic, tp.partition): Commit(tp.offset, tp.metadata or "")
            for tp in answer
            if tp.error is None and tp.offset >= 0
        }

    def commit(self, commits: Mapping[TopicPartition, Commit], *, wait: bool) -> None:
        """Commit next offsets with their texts; ``wait`` for the answer takes 10 s at most."""
        if not commits:
            return
        parts = [
            confluent_kafka.TopicPartition(
                tp.topic, tp.partition, commit.next_offset, metadata=commit.metadata
            )
            for tp, commit in commits.items()
        ]
        with _kafka_errors("committing"):
            commit: Any = self._consumer.commit
            answer = commit(offsets=parts, asynchronous=not wait)
        for part in answer or ():
            if part.error is not None:
                raise KafkaUnavailable(f"committing {part.topic}[{part.partition}]: {part.error}")

    def watermarks(self, partition: TopicPartition) -> tuple[int, int]:
        """Return the low and the high watermark; raises :exc:`KafkaUnavailable`."""
        with _kafka_errors("reading the watermarks"):
            answer = self._consumer.get_watermark_offsets(_plain(partition), timeout=_CALL_S)
        if answer is None:
            raise KafkaUnavailable(f"no watermarks for {partition.topic}[{partition.partition}]")
        low, high = answer
        return low, high

    def offset_at(self, partition: TopicPartition, timestamp_ms: int) -> int:
        """Return the first offset at or after a time; the high watermark when there is none."""
        asked = _plain(partition, timestamp_ms)
        with _kafka_errors("looking up a time"):
            answer = self._consumer.offsets_for_times([asked], timeout=_CALL_S)[0]
        if answer.error is not None:
            raise KafkaUnavailable(f"looking up a time: {answer.error}")
        return answer.offset if answer.offset >= 0 else self.watermarks(partition)[1]

    def subscribe(self, topics: Iterable[str]) -> None:
        """Join the consumer group; a name that begins with ``^`` is a regular expression."""
        self._consumer.subscribe(
            sorted(topics),
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._lost,
        )

    def start_at(self, partition: TopicPartition, offset: int) -> None:
        """Let a paused partition flow from an offset."""
        with _kafka_errors("seeking"):
            self._consumer.seek(_plain(partition, offset))
            self._consumer.resume([_plain(partition)])
        self.new.discard(partition)

    def pause_all(self) -> None:
        """Stop the flow of every partition, without leaving the group."""
        self.new = set(self.assigned)
        with _kafka_errors("pausing"):
            self._consumer.pause([_plain(tp) for tp in self.assigned])

    def poll(self, timeout_s: float, most: int) -> tuple[list[Record], list[Problem]]:
        """Wait for a first record, then take what is already there; never waits to fill."""
        with _kafka_errors("polling"):
            first = self._consumer.poll(timeout_s)
            if first is None:
                return [], []
            messages = [first, *self._consumer.consume(most - 1, timeout=0)]
        records = [_record(message) for message in messages if message.error() is None]
        problems = [_problem(message) for message in messages if message.error() is not None]
        return records, problems

    def close(self) -> None:
        """Leave the group; bounded by ``socket.timeout.ms``."""
        try:
            self._consumer.close()
        except RuntimeError as exc:
            logger.debug("the Kafka consumer was closed already: %s", exc)
        _alive.discard(self._consumer)
        _alive.discard(self._admin)

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        # Offset 0 needs no look-up; nothing is fetched before start_at() says from where.
        consumer.incremental_assign([_plain(_ours(part), 0) for part in partitions])
        consumer.pause(partitions)
        fresh = {_ours(part) for part in partitions}
        self.assigned |= fresh
        self.new |= fresh

    def _revoked(self, consumer: Any, partitions: list[Any]) -> None:
        gone = {_ours(part) for part in partitions}
        if self.on_revoke is not None:
            self.on_revoke(gone)
        self._forget(consumer, partitions)

    def _lost(self, consumer: Any, partitions: list[Any]) -> None:
        logger.warning("lost %d partitions to the rest of the group", len(partitions))
        self._forget(consumer, partitions)

    def _forget(self, consumer: Any, partitions: list[Any]) -> None:
        gone = {_ours(part) for part in partitions}
        self.assigned -= gone
        self.new -= gone
        consumer.incremental_unassign(partitions)


class _kafka_errors:  # noqa: N801 - reads as a statement
    """Turn confluent_kafka's exception into ours; its text holds no configuration."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, tb: object) -> None:
        if isinstance(exc, confluent_kafka.KafkaException):
            raise KafkaUnavailable(f"{self._doing}: {exc.args[0].str()}") from exc


def _admin_config(config: Mapping[str, Any]) -> dict[str, Any]:
    consumer_only = (
        "group.",
        "session.",
        "heartbeat.",
        "max.poll",
        "fetch.",
        "queued.",
        "partition.assignment",
        "enable.auto",
        "auto.offset",
        "allow.auto",
    )
    return {key: value for key, value in config.items() if not key.startswith(consumer_only)}


def _plain(partition: TopicPartition, offset: int | None = None) -> Any:
    if offset is None:
        return confluent_kafka.TopicPartition(partition.topic, partition.partition)
    return confluent_kafka.TopicPartition(partition.topic, partition.partition, offset)


def _ours(part: Any) -> TopicPartition:
    return TopicPartition(part.topic, part.partition)


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
    )


def _problem(message: Any) -> Problem:
    error = message.error()
    return Problem(error.name(), error.str(), message.topic(), message.partition())
