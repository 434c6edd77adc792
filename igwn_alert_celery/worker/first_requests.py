# SPDX-License-Identifier: BSD-3-Clause
"""What the consumer group has asked for first, and from where it therefore starts.

A topic that existed when the group first asked for it (or for a pattern) starts at ``start_at``,
as it was at that moment; one that came later, and a partition added later, at its beginning.

Kafka does not list a topic that the credential may not read. So one that was not there at first
starts at the time of the request, which is the beginning of a topic that was created afterwards.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from igwn_alert_celery.enqueue.batch import PartitionId
from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.kafka.cluster import Cluster, ClusterView
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.settings import Settings

__all__ = ["FirstRequests", "existing"]

logger = logging.getLogger(__name__)

# So far the clocks of those who send may be behind ours.
_CLOCKS_MS = 60_000


class FirstRequests:
    """Remembered beside the ledger, for the whole consumer group. Blocks on Kafka and on it.

    Parameters
    ----------
    settings : Settings
    cluster : Cluster
    memory : object
        ``asked`` and ``remember`` of the enqueuer.
    consumer_group : str
    """

    def __init__(
        self, settings: Settings, cluster: Cluster, memory: Any, consumer_group: str
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._memory = memory
        self._group = consumer_group
        self._last_known: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._since_s = time.time()

    def ask(self, view: ClusterView, wanted: Iterable[str]) -> None:
        """Remember what is asked for the first time, with today's positions.

        A topic whose broker is away just now starts at ``start_at`` when it has come back.
        """
        known = self.known(view.cluster_id)
        names = [name for name in wanted if name not in known]
        found = {topic for name in names for topic in existing(name, view)} - known.keys()
        whole = {topic for topic in found if view.is_whole(topic)}
        for topic, request in self._requests(view, whole).items():
            self._remember(view, topic, request)
        self._waiting |= found - whole
        for name in names:
            if is_pattern(name) or name not in view.topics:
                self._remember(view, name, {"at": time.time(), "start": {}})

    def known(self, cluster_id: str) -> dict[str, str]:
        """Return what the group has asked for before, as :meth:`offset` takes it.

        A task broker that was emptied while we run is told again: else what comes later would
        start at ``start_at``, and its first alerts be missed.
        """
        known: dict[str, str] = self._memory.asked(cluster_id, self._group)
        for name in self._last_known.keys() - known.keys():
            known[name] = self._memory.remember(
                cluster_id, self._group, name, self._last_known[name]
            )
        self._last_known = dict(known)
        return known

    def has_begun(self, known: Mapping[str, str], pid: PartitionId) -> bool:
        """Whether an earlier receiver of the consumer group has begun with this partition."""
        asked = _asked(known, pid)
        return (
            asked is not None
            and str(pid.partition) in asked["start"]
            and asked["at"] < self._since_s
            and asked.get("topic_id", "") == pid.topic_id
        )

    def offset(self, known: Mapping[str, str], pid: PartitionId, low: int, high: int) -> int:
        """Return where a partition without any position starts, between its watermarks."""
        asked = _asked(known, pid)
        if asked is None or pid.topic in self._waiting:
            partition = TopicPartition(pid.topic, pid.partition)
            found = self._start_at({partition: (low, high)})
            if partition not in found:
                raise KafkaUnavailable(f"{pid.topic}[{pid.partition}] does not answer")
            return found[partition]
        if asked.get("topic_id") and pid.topic_id and asked["topic_id"] != pid.topic_id:
            # Deleted and created again; Kafka deletes the commits together with a topic.
            logger.warning(
                "%s was deleted and created again; reading it from its beginning", pid.topic
            )
            return low
        if not asked["start"]:
            return self._since(asked["at"], pid, low)
        return int(asked["start"].get(str(pid.partition), low))

    def _since(self, at_s: float, pid: PartitionId, low: int) -> int:
        if self._settings.start_at == "earliest":
            return low
        since_ms = int(at_s * 1000) - _CLOCKS_MS
        if self._settings.start_at_ms is not None:
            since_ms = min(since_ms, self._settings.start_at_ms)
        partition = TopicPartition(pid.topic, pid.partition)
        found = self._cluster.offsets_at([partition], since_ms)
        if partition not in found:
            raise KafkaUnavailable(f"{pid.topic}[{pid.partition}] does not answer")
        if found[partition] > low:
            logger.warning(
                "%s[%d] was there before it could be read: starting at offset %d, the first record "
                "since the consumer group asked for the topic",
                pid.topic,
                pid.partition,
                found[partition],
            )
        return found[partition]

    def _requests(self, view: ClusterView, topics: Collection[str]) -> dict[str, dict[str, Any]]:
        partitions = view.partitions(topics)
        if not partitions:
            return {}
        starts = self._start_at(self._cluster.watermarks(partitions))
        if len(starts) < len(partitions):
            raise KafkaUnavailable("reading the offsets: some partitions do not answer")
        ids, now_s = self._cluster.topic_ids(topics), time.time()
        found: dict[str, dict[str, Any]] = {
            topic: {"at": now_s, "topic_id": ids.get(topic, ""), "start": {}} for topic in topics
        }
        for partition, offset in starts.items():
            found[partition.topic]["start"][str(partition.partition)] = offset
        return found

    def _start_at(
        self, marks: Mapping[TopicPartition, tuple[int, int]]
    ) -> dict[TopicPartition, int]:
        if self._settings.start_at_ms is not None:
            return self._cluster.offsets_at(marks.keys(), self._settings.start_at_ms)
        which = 0 if self._settings.start_at == "earliest" else 1
        return {partition: mark[which] for partition, mark in marks.items()}

    def _remember(self, view: ClusterView, name: str, request: dict[str, Any]) -> None:
        text = json.dumps(request)
        stored = self._memory.remember(view.cluster_id, self._group, name, text)
        self._last_known[name] = stored


def existing(name: str, view: ClusterView) -> list[str]:
    """Return the topics that a topic or pattern finds now, sorted."""
    if is_pattern(name):
        regex = topic_regex(name)
        return sorted(topic for topic in view.topics if regex.fullmatch(topic))
    return [name] if name in view.topics else []


def _asked(known: Mapping[str, str], pid: PartitionId) -> dict[str, Any] | None:
    for name in (pid.topic, *sorted(known)):
        if name in known and (name == pid.topic or _is_found_by(name, pid.topic)):
            found: dict[str, Any] = json.loads(known[name])
            return found
    return None


def _is_found_by(name: str, topic: str) -> bool:
    return is_pattern(name) and topic_regex(name).fullmatch(topic) is not None
