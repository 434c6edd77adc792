# SPDX-License-Identifier: BSD-3-Clause
"""A member of a Kafka consumer group in our own words, for one thread.

``Any`` from confluent_kafka stops here; the receiver sees :class:`Record`,
:class:`TopicPartition` and plain numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import confluent_kafka

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import kafka_errors, ours, plain
from igwn_alert_celery.kafka.cluster import Commit
from igwn_alert_celery.kafka.handles import Handles
from igwn_alert_celery.kafka.refusals import Refusals, explaining
from igwn_alert_celery.record import Headers, Record, TopicPartition

__all__ = ["Consumer", "Problem", "forbidden", "problem_of", "record_of"]

logger = logging.getLogger(__name__)

OnGone = Callable[[set[TopicPartition]], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that Kafka reported while polling."""

    code: str
    text: str
    topic: str | None
    partition: int | None


class Consumer:
    """One member of a consumer group; its newly assigned partitions wait paused in ``new``.

    Attributes
    ----------
    cluster : Cluster
        Answers questions, on the same thread.
    assigned, new : set of TopicPartition
        All partitions of ours, and those of them that wait for :meth:`start_at`.
    joined : bool
        Whether the group has taken us in; it may have no partition for us.
    refusals : Refusals
        What Kafka has against us; filled within :meth:`poll`.
    on_revoked, on_lost : callable
        Told the partitions that go, in order or because the group gave us up.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.refusals = Refusals(config)
        self._handles = Handles(config, on_commit=_committed, error_cb=self.refusals)
        self._consumer = self._handles.consumer
        self.cluster = self._handles.cluster
        self._subscription: list[str] = []
        self.assigned: set[TopicPartition] = set()
        self.new: set[TopicPartition] = set()
        self.joined = False
        self.on_revoked: OnGone = _nothing
        self.on_lost: OnGone = _nothing

    def explained(self) -> AbstractContextManager[None]:
        """Let a question that Kafka does not answer raise the reason; before :meth:`subscribe`."""
        return explaining(self._consumer, self.refusals)

    def check_group(self) -> None:
        """Raise :exc:`KafkaRefused` where the group is not ours to use; before :meth:`subscribe`.

        Blocks for five seconds at most.
        """
        self.refusals.refuse_group(self._consumer)

    def subscribe(self, topics: Iterable[str]) -> None:
        """Join the consumer group; a name that begins with ``^`` is a regular expression."""
        self._subscription = sorted(topics)
        with kafka_errors("subscribing"):
            self._consumer.subscribe(
                self._subscription,
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._lost,
            )

    def start_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Let paused partitions flow from these offsets."""
        with kafka_errors("seeking"):
            for partition, offset in offsets.items():
                self._seek(plain(partition, offset))
            self._consumer.resume([plain(partition) for partition in offsets])
        self.new.difference_update(offsets)

    def _seek(self, target: Any) -> None:
        try:
            self._consumer.seek(target)
        except confluent_kafka.KafkaException as exc:
            if exc.args[0].code() != confluent_kafka.KafkaError._STATE:  # noqa: SLF001
                raise
            # With auto.offset.reset=error an offset out of range ends the partition's fetcher,
            # and only a new assignment starts another (librdkafka, rd_kafka_offset_reset).
            self._consumer.incremental_unassign([target])
            self._consumer.incremental_assign([target])

    def fetch_anew(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Let partitions flow again that librdkafka no longer fetches, from these offsets."""
        parts = [plain(partition, offset) for partition, offset in offsets.items()]
        with kafka_errors("fetching anew"):
            self._consumer.incremental_unassign(parts)
            self._consumer.incremental_assign(parts)
            self._consumer.resume(parts)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop the flow of partitions, without leaving the group; they are ``new`` again."""
        mine = self.assigned.intersection(partitions)
        if not mine:
            return
        self.new |= mine
        with kafka_errors("pausing"):
            self._consumer.pause([plain(partition) for partition in mine])

    def poll(self, timeout_s: float, most: int) -> tuple[list[Record], list[Problem]]:
        """Wait for a first record, then take what is already there; never waits to fill.

        Where Kafka has been silent for long, it goes on with new clients.
        """
        if self._handles.renew():
            self._join_anew()
        with kafka_errors("polling"):
            first = self._consumer.poll(timeout_s)
            if first is None:
                return [], []
            messages = [first, *self._consumer.consume(most - 1, timeout=0)]
        records = [record_of(message) for message in messages if message.error() is None]
        faulty = [message for message in messages if message.error() is not None]
        for message in faulty:
            self.refusals.note(message.error())
        return records, [problem_of(message) for message in faulty]

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
        with kafka_errors("committing"):
            commit: Any = self._consumer.commit
            answer = commit(offsets=parts, asynchronous=not wait)
        for part in answer or ():
            if part.error is not None:
                raise KafkaUnavailable(f"committing {part.topic}[{part.partition}]: {part.error}")

    def high_watermark(self, partition: TopicPartition) -> int | None:
        """Return the end of a partition as of the last fetch; asks nobody."""
        with kafka_errors("reading the watermarks"):
            answer = self._consumer.get_watermark_offsets(plain(partition), cached=True)
        return answer[1] if answer is not None and answer[1] >= 0 else None

    def close(self) -> None:
        """Leave the group; bounded by ``socket.timeout.ms``."""
        self._handles.close()

    def _join_anew(self) -> None:
        self._consumer = self._handles.consumer
        gone = set(self.assigned)
        self.assigned.clear()
        self.new.clear()
        self.joined = False
        self.on_lost(gone)
        if self._subscription:
            self.subscribe(self._subscription)

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        if consumer is not self._handles.consumer:
            return  # one that is lost, and just ending
        # Offset 0 needs no look-up; nothing is fetched before start_at() says from where.
        consumer.incremental_assign([plain(ours(part), 0) for part in partitions])
        consumer.pause(partitions)
        fresh = {ours(part) for part in partitions}
        self.assigned |= fresh
        self.new |= fresh
        self.joined = True

    def _revoked(self, consumer: Any, partitions: list[Any]) -> None:
        if consumer is not self._handles.consumer:
            return
        gone = {ours(part) for part in partitions}
        self.on_revoked(gone)
        self._forget(consumer, gone)

    def _lost(self, consumer: Any, partitions: list[Any]) -> None:
        if consumer is not self._handles.consumer:
            return
        gone = {ours(part) for part in partitions}
        logger.warning("lost %d partitions: their topic or our session has ended", len(gone))
        self.on_lost(gone)
        self._forget(consumer, gone)

    def _forget(self, consumer: Any, gone: Collection[TopicPartition]) -> None:
        self.assigned.difference_update(gone)
        self.new.difference_update(gone)
        consumer.incremental_unassign([plain(partition) for partition in gone])


def _nothing(_gone: set[TopicPartition]) -> None:
    """Serve until a receiver listens."""


def _committed(error: Any, partitions: list[Any]) -> None:
    failed = [part for part in partitions if part.error is not None]
    if error is None and not failed:
        return
    # The next commit says the same and more; the ledger does not wait for it.
    logger.warning("Kafka did not take a commit: %s", error or failed[0].error)


def record_of(message: Any) -> Record:
    """Return the record of a message of confluent_kafka."""
    headers, unreadable = _headers(message)
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=headers,
        unreadable=unreadable,
    )


#: Not called as a method: in a loop that is warm, Python 3.11 and later call those of C without
#: looking whether they have failed, and the failure shows somewhere later.
_read_headers = methodcaller("headers")


def _headers(message: Any) -> tuple[Headers, str]:
    # Names are any bytes on the wire, and confluent_kafka 2.x wants UTF-8 of all of them or gives
    # none. It must be asked once only: a second time it hands out the list that it left half made.
    try:
        return tuple(_read_headers(message) or ()), ""
    except (SystemError, UnicodeDecodeError):
        return (), "a header's name is not UTF-8: all headers are on Kafka only"


def forbidden(topic: str) -> Problem:
    """Return the problem of a topic that we may not read."""
    return Problem("TOPIC_AUTHORIZATION_FAILED", "Topic authorization failed", topic, None)


def problem_of(message: Any) -> Problem:
    """Return what a message of confluent_kafka has for an error."""
    error = message.error()
    return Problem(error.name(), error.str(), message.topic(), message.partition())
