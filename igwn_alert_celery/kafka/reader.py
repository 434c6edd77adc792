# SPDX-License-Identifier: BSD-3-Clause
"""Reads topics without a consumer group: every reader sees every record, nothing is committed.

Partitions are assigned by hand and keep their position while Kafka is away, so an outage leaves no
gap. All calls from one thread.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from confluent_kafka import KafkaError

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import CALL_S, kafka_errors, plain
from igwn_alert_celery.kafka.cluster import ClusterView
from igwn_alert_celery.kafka.consumer import Problem, forbidden, problem_of, record_of
from igwn_alert_celery.kafka.handles import Handles
from igwn_alert_celery.kafka.refusals import Refusals, explaining
from igwn_alert_celery.kafka.stalls import Stalls
from igwn_alert_celery.kafka.starts import CreatedAgain, Start, Starts
from igwn_alert_celery.record import Record, TopicPartition

__all__ = ["Reader"]

logger = logging.getLogger(__name__)

_LOOK_S = 3.0
_LOOK_SOON_S = 1.0
# Bounds what a look holds poll() up while Kafka is away.
_LOOK_TIMEOUT_S = 1.0
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name
_OUT_OF_RANGE = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001 - the same
_FORBIDDEN = KafkaError.TOPIC_AUTHORIZATION_FAILED


class Reader:
    """Reads from where ``start`` says; new topics and partitions from their beginning.

    Making it waits for Kafka, 5 s at most; when Kafka is away it goes on trying in :meth:`poll`.

    Parameters
    ----------
    config : dict
        From :func:`~igwn_alert_celery.kafka.client.reader_config`.
    topics : collection of str
        Full names. One that begins with ``^`` is a regular expression.
    start : str or int
        ``"latest"``, ``"earliest"``, or milliseconds since the epoch.

    Attributes
    ----------
    missing : set of str
        Topics that do not exist (yet), or must not be seen; looked for every few seconds.
    positions : dict
        Next offset of each partition, as far as it has been polled.

    Raises
    ------
    KafkaRefused
        Kafka refuses the credential, or its certificate does not fit.
    ConfigError
        librdkafka refuses an option.
    """

    def __init__(self, config: dict[str, Any], topics: Collection[str], start: Start) -> None:
        self._refusals = Refusals(config)
        self._handles = Handles(config, error_cb=self._refusals)
        self._consumer = self._handles.consumer
        self.cluster = self._handles.cluster
        self._starts = Starts(self.cluster, start, round(time.time() * 1000))
        self._created_again = CreatedAgain(self.cluster)
        self._stalls = Stalls(self.cluster)
        self._topics = {topic for topic in topics if not topic.startswith("^")}
        self._patterns = [re.compile(topic) for topic in topics if topic.startswith("^")]
        self.missing: set[str] = set()
        self.positions: dict[TopicPartition, int] = {}
        self._ended: set[TopicPartition] = set()
        self._asked: set[str] = set()
        self._found: list[Problem] = []
        self._is_connected = False
        self._look_at = 0.0
        try:
            self._first_look()
        except BaseException:
            self.close()
            raise

    @property
    def topics(self) -> set[str]:
        """The topics that are named or match, existing or not."""
        return self._topics | {partition.topic for partition in self.positions}

    @property
    def starts(self) -> dict[TopicPartition, int]:
        """The offset at which each partition began."""
        return self._starts.offsets

    @property
    def backlog(self) -> int:
        """How many offsets lay between the start and the ends that the partitions had then."""
        ends = self._starts.ends
        return sum(max(0, end - self._starts.offsets[tp]) for tp, end in ends.items())

    def at_ends(self) -> bool:
        """Whether every partition has reached the high watermark that it had at the start."""
        ends = self._starts.ends.items()
        return self._starts.is_settled and all(
            tp in self._ended or self.positions.get(tp, 0) >= end for tp, end in ends
        )

    def follow(self, pattern: str) -> None:
        """Read topics that match a regular expression as well, once they are created."""
        self._patterns.append(re.compile(pattern))

    def go_to(self, partition: TopicPartition, next_offset: int) -> None:
        """Read a partition from another offset on; before or between calls of :meth:`poll`."""
        self._starts.place(partition, next_offset)
        self._assign({partition: next_offset})

    def poll(self, timeout_s: float, most: int) -> tuple[list[Record], list[Problem]]:
        """Wait for a first record, then take what is already there; never waits to fill.

        Returns what problems there are as well; Kafka being away is one, and no exception.
        """
        self._look_when_due()
        if self._handles.renew():
            self._consumer = self._handles.consumer
            self._assign_to(self.positions)
        with kafka_errors("polling"):
            first = self._consumer.poll(timeout_s)
            messages = [] if first is None else [first]
            if first is None:
                self._stalls.note_empty()
            if first is not None and most > 1:
                messages += self._consumer.consume(most - 1, timeout=0)
        records = [record for message in messages if (record := self._take(message)) is not None]
        self._note_errors()
        problems, self._found = self._found, []
        return records, problems

    def check_group(self) -> None:
        """Raise :exc:`KafkaRefused` where the consumer group of the options is not ours to use.

        For a reader of no topic.
        """
        self._refusals.refuse_group(self._consumer)

    def explained(self) -> AbstractContextManager[None]:
        """Let a question to ``cluster`` raise why it is not answered; for a reader of no topic."""
        return explaining(self._consumer, self._refusals)

    def close(self) -> None:
        """Let Kafka go; bounded, nothing has to be said to it."""
        self._handles.close()

    def _take(self, message: Any) -> Record | None:
        error = message.error()
        if error is None:
            record = record_of(message)
            partition = TopicPartition(record.topic, record.partition)
            self.positions[partition] = record.offset + 1
            return record
        if error.code() == _EOF:
            self._end(_partition(message), message.offset())
        elif error.code() == _OUT_OF_RANGE:
            self._out_of_range(_partition(message))
        else:
            self._found.append(problem_of(message))
        return None

    def _end(self, partition: TopicPartition, offset: int) -> None:
        # Transaction markers take offsets as well, so the last record alone does not tell.
        self.positions[partition] = max(self.positions.get(partition, 0), offset)
        if offset >= self._starts.ends.get(partition, offset):
            self._ended.add(partition)

    def _out_of_range(self, partition: TopicPartition) -> None:
        logger.critical(
            "%s[%d]: Kafka has no record at offset %d: it was removed after its time, or the topic "
            "was created again. Going on at the oldest record",
            partition.topic,
            partition.partition,
            self.positions.get(partition, 0),
        )
        self._starts.again(partition)
        self._look_at = 0.0

    def _first_look(self) -> None:
        deadline = time.monotonic() + CALL_S
        self._consumer.poll(0)  # a token is only fetched within poll
        while True:
            self._look()
            if self._is_connected:
                return
            # Hands over what Kafka has against us; no record, as nothing is assigned yet.
            self._consumer.poll(0)
            self._note_errors()
            if time.monotonic() > deadline:
                logger.warning("no answer from Kafka yet; going on trying")
                return

    def _look_when_due(self) -> None:
        if time.monotonic() >= self._look_at:
            self._look()

    def _look(self) -> None:
        """See which topics and partitions there are; leave it to the next time if Kafka is away."""
        try:
            view = self.cluster.view(_LOOK_TIMEOUT_S)
            self._see(view)
            self._is_connected = True
        except KafkaUnavailable as exc:
            self._starts.missed()
            logger.debug("cannot look for topics and partitions: %s", exc)
        settled = self._is_connected and self._starts.is_settled
        self._look_at = time.monotonic() + (_LOOK_S if settled else _LOOK_SOON_S)

    def _see(self, view: ClusterView) -> None:
        self.missing = missing = self._topics - view.topics.keys()
        self._found += [
            problem for topic in sorted(missing) if (problem := self._refused(topic)) is not None
        ]
        matching = {name for name in view.topics if any(p.match(name) for p in self._patterns)}
        there = (self._topics - missing) | matching
        self._ask(there)
        if again := self._created_again.look(there):
            self._begin_anew(again)
        self._starts.see(view, there)
        self._assign(self._starts.settle(view))
        self._revive(view)

    def _ask(self, topics: set[str]) -> None:
        """Note which topics are not ours to read: a fetch may not tell it."""
        self._found += [forbidden(t) for t in sorted(self.cluster.forbidden(topics - self._asked))]
        self._asked = topics

    def _begin_anew(self, topics: set[str]) -> None:
        self._starts.anew(topics)
        gone = [tp for tp in self.positions if tp.topic in topics]
        self._ended.difference_update(gone)
        for partition in gone:
            del self.positions[partition]
        with kafka_errors("letting go of topics that were created again"):
            self._consumer.incremental_unassign([plain(tp) for tp in gone])

    def _revive(self, view: ClusterView) -> None:
        flowing = {tp: at for tp, at in self.positions.items() if tp not in view.leaderless}
        stalled = self._stalls.look(flowing)
        if stalled:
            logger.warning("%d partitions had stopped flowing and are fetched anew", len(stalled))
            self._assign({partition: self.positions[partition] for partition in stalled})
            self._consumer.resume([plain(partition) for partition in stalled])

    def _refused(self, topic: str) -> Problem | None:
        """Return the problem with a topic that is hidden from us; None where there is no topic."""
        with kafka_errors(f"looking for {topic}"):
            found = self._consumer.list_topics(topic, timeout=_LOOK_TIMEOUT_S).topics[topic]
        if found.error is None or found.error.code() != _FORBIDDEN:
            return None
        return Problem(found.error.name(), found.error.str(), topic, None)

    def _assign(self, offsets: dict[TopicPartition, int]) -> None:
        again = [plain(tp) for tp in offsets if tp in self.positions]
        with kafka_errors("assigning partitions"):
            if again:
                self._consumer.incremental_unassign(again)
        self._assign_to(offsets)
        self.positions.update(offsets)

    def _assign_to(self, offsets: Mapping[TopicPartition, int]) -> None:
        parts = [plain(tp, offset) for tp, offset in offsets.items()]
        if parts:
            with kafka_errors("assigning partitions"):
                self._consumer.incremental_assign(parts)

    def _note_errors(self) -> None:
        """Raise a refusal at the start; later it may be a server that is just starting itself."""
        if not self._is_connected:
            self._refusals.check()
            return
        self._found += [Problem(e.name(), e.str(), None, None) for e in self._refusals.take()]


def _partition(message: Any) -> TopicPartition:
    return TopicPartition(message.topic(), message.partition())
