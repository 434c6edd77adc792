# SPDX-License-Identifier: BSD-3-Clause
"""From which offset does a partition go on? The ledger's, Kafka's, or the first start."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import Any

from igwn_alert_celery.enqueue.batch import PartitionId, Position
from igwn_alert_celery.errors import ForeignLedgerError
from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.kafka.consumer import ClusterView, Commit, Consumer
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.settings import Settings

__all__ = ["CommitNote", "Positions", "Start"]

logger = logging.getLogger(__name__)

#: A commit is renewed every minute; a ledger that was silent for three is not live any more.
LIVE_S = 180.0


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What we write into Kafka's commit metadata: whose ledger, which topic id, and when."""

    ledger_id: str
    topic_id: str
    at_s: float

    def text(self) -> str:
        """Return the metadata text."""
        note = {"ledger": self.ledger_id, "topic": self.topic_id, "at": int(self.at_s)}
        return json.dumps(note)

    @classmethod
    def read(cls, text: str) -> CommitNote | None:
        """Return the note, or None when the commit was not one of ours."""
        try:
            note = json.loads(text)
            return cls(str(note["ledger"]), str(note["topic"]), float(note["at"]))
        except (ValueError, KeyError, TypeError):
            return None

    def is_of_another_topic(self, topic_id: str) -> bool:
        """Whether the topic was deleted and created again since (when Kafka tells ids)."""
        return bool(self.topic_id and topic_id) and self.topic_id != topic_id

    def is_live(self, now_s: float) -> bool:
        """Whether its ledger was in use within the last minutes."""
        return now_s - self.at_s < LIVE_S


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition starts; records below ``redelivered_below`` may have been handled."""

    position: Position
    redelivered_below: int = 0


class Positions:
    """Decides, with Kafka and the ledger, where partitions start. Blocks on both."""

    def __init__(
        self, settings: Settings, consumer: Consumer, enqueuer: Any, consumer_group: str
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._enqueuer = enqueuer
        self._group = consumer_group
        self._cluster_id = ""
        self._topic_ids: dict[str, str] = {}
        # Redis emptied under a running receiver gets a new ledger: the old one was ours.
        self._own_ledgers: set[str] = set()

    def ask(self, view: ClusterView, wanted: tuple[str, ...]) -> None:
        """Remember the first request for each topic and pattern, with today's positions.

        A topic that exists now starts at ``start_at``; one that does not (or that a pattern
        finds later) will start at its beginning.
        """
        self._cluster_id = view.cluster_id
        known = self._enqueuer.memory.asked(self._cluster_id, self._group)
        for name in wanted:
            if name in known:
                continue
            for topic in _existing(name, view):
                if topic not in known:
                    self._remember(topic, self._first_request(topic, view.topics[topic]))
            if is_pattern(name) or name not in view.topics:
                self._remember(name, {"at": time.time(), "start": {}})

    def refuse_foreign(self, view: ClusterView, topics: tuple[str, ...]) -> None:
        """Raise :exc:`ForeignLedgerError` when another live deployment uses the group."""
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(view.topics.get(topic, 0))
        ]
        for commit in self._consumer.committed(partitions).values():
            self._check_live(commit)

    def partition_id(self, partition: TopicPartition) -> PartitionId:
        """Return the ledger's name of a partition."""
        topic_id = self._topic_ids.get(partition.topic, "")
        return PartitionId(
            self._cluster_id, self._group, partition.topic, topic_id, partition.partition
        )

    def learn_topics(self, topics: set[str]) -> set[str]:
        """Ask Kafka for topic ids; return the topics whose id changed: created again."""
        found = self._consumer.topic_ids(topics)
        again = {
            topic
            for topic, topic_id in found.items()
            if self._topic_ids.get(topic, topic_id) != topic_id
        }
        self._topic_ids.update(found)
        return again

    def start(self, partition: TopicPartition) -> Start:
        """Return where a partition starts, and see to it that the ledger says the same."""
        self._own_ledgers.add(self._enqueuer.ledger_id)
        pid = self.partition_id(partition)
        stored = self._enqueuer.position(pid)
        commit = self._consumer.committed([partition]).get(partition)
        low, high = self._consumer.watermarks(partition)
        start = self._choose(partition, pid, stored, commit)
        return self._within(partition, pid, start, low, high)

    def _choose(
        self,
        partition: TopicPartition,
        pid: PartitionId,
        stored: Position | None,
        commit: Commit | None,
    ) -> Start:
        note = CommitNote.read(commit.metadata) if commit else None
        same = note is None or note.ledger_id == self._enqueuer.ledger_id
        if commit is not None and not same:
            self._check_live(commit)
        if stored is not None and (commit is None or same):
            return Start(stored, commit.next_offset if commit else 0)
        recreated = note is not None and note.is_of_another_topic(pid.topic_id)
        if commit is not None and not recreated:
            return self._from_commit(partition, pid, stored, commit, same)
        return Start(self._enqueuer.claim(pid, self._first_offset(partition, pid)))

    def _from_commit(
        self,
        partition: TopicPartition,
        pid: PartitionId,
        stored: Position | None,
        commit: Commit,
        same: bool,
    ) -> Start:
        offset = commit.next_offset
        fresh = CommitNote.read(commit.metadata) is None
        if not fresh and self._settings.rewind_s is not None and self._enqueuer.guarantee:
            since_ms = int((time.time() - self._settings.rewind_s) * 1000)
            offset = min(offset, self._consumer.offset_at(partition, since_ms))
        if not same:
            logger.warning(
                "%s[%d]: the commit names another ledger, so the task broker is new or was "
                "emptied; going on at Kafka's commit, offset %d. What was queued there is gone.",
                partition.topic,
                partition.partition,
                offset,
            )
        if stored is not None:
            return Start(self._enqueuer.seek(pid, offset), commit.next_offset)
        return Start(self._enqueuer.claim(pid, offset), commit.next_offset)

    def _within(
        self, partition: TopicPartition, pid: PartitionId, start: Start, low: int, high: int
    ) -> Start:
        offset = start.position.next_offset
        if offset < low:
            logger.critical(
                "%s[%d]: Kafka's retention has passed our position: offsets %d to %d are lost",
                partition.topic,
                partition.partition,
                offset,
                low - 1,
            )
            return Start(self._enqueuer.seek(pid, low))
        if offset > high:
            logger.warning(
                "%s[%d]: position %d is above the end %d: the topic was created again; reading "
                "it from its beginning",
                partition.topic,
                partition.partition,
                offset,
                high,
            )
            return Start(self._enqueuer.seek(pid, low))
        return start

    def _is_new_topic(self, partition: TopicPartition, pid: PartitionId) -> bool:
        asked = self._asked(partition.topic)
        return bool(
            asked and asked.get("topic_id") and pid.topic_id and asked["topic_id"] != pid.topic_id
        )

    def _first_offset(self, partition: TopicPartition, pid: PartitionId) -> int:
        asked = self._asked(partition.topic)
        if asked is None:
            return self._start_at(partition)
        if self._is_new_topic(partition, pid):
            logger.warning(
                "%s was deleted and created again; reading it from its beginning", partition.topic
            )
            return self._consumer.watermarks(partition)[0]
        offset = asked["start"].get(str(partition.partition))
        return self._consumer.watermarks(partition)[0] if offset is None else int(offset)

    def _asked(self, topic: str) -> dict[str, Any] | None:
        known = self._enqueuer.memory.asked(self._cluster_id, self._group)
        for name in (topic, *sorted(known)):
            if name in known and (name == topic or topic_regex(name).fullmatch(topic)):
                found: dict[str, Any] = json.loads(known[name])
                return found
        return None

    def _first_request(self, topic: str, partitions: int) -> dict[str, Any]:
        start = {
            str(number): self._start_at(TopicPartition(topic, number))
            for number in range(partitions)
        }
        topic_id = self._consumer.topic_ids([topic]).get(topic, "")
        return {"at": time.time(), "topic_id": topic_id, "start": start}

    def _start_at(self, partition: TopicPartition) -> int:
        if self._settings.start_at_ms is not None:
            return self._consumer.offset_at(partition, self._settings.start_at_ms)
        low, high = self._consumer.watermarks(partition)
        return low if self._settings.start_at == "earliest" else high

    def _remember(self, name: str, request: dict[str, Any]) -> None:
        self._enqueuer.memory.remember(self._cluster_id, self._group, name, json.dumps(request))

    def _check_live(self, commit: Commit) -> None:
        note = CommitNote.read(commit.metadata)
        if note is None or note.ledger_id in {self._enqueuer.ledger_id, *self._own_ledgers}:
            return
        if note.is_live(time.time()) and not self._settings.move_ledger:
            raise ForeignLedgerError(
                f"consumer group {self._group!r} is in use by another deployment (ledger "
                f"{note.ledger_id[:8]}, ours is {self._enqueuer.ledger_id[:8]}): both would eat "
                "each other's alerts. Set igwn_alert_consumer_group to a name of its own; if this "
                "deployment has moved to a new task broker, set igwn_alert_move_ledger = True once"
            )


def _existing(name: str, view: ClusterView) -> list[str]:
    if is_pattern(name):
        regex = topic_regex(name)
        return sorted(topic for topic in view.topics if regex.fullmatch(topic))
    return [name] if name in view.topics else []
