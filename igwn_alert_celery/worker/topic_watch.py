# SPDX-License-Identifier: BSD-3-Clause
"""Which of the wanted topics exist, and their ids: looked at again and again while we receive."""

from __future__ import annotations

import difflib
import logging
import time
from collections.abc import Collection, Iterable

from igwn_alert_celery.enqueue.batch import PartitionId
from igwn_alert_celery.handlers import is_pattern
from igwn_alert_celery.kafka.cluster import Cluster, ClusterView
from igwn_alert_celery.kafka.topic_ids import TopicIds
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.first_requests import existing
from igwn_alert_celery.worker.taken_out import TakenOut

__all__ = ["TopicWatch"]

logger = logging.getLogger(__name__)

REPEAT_MISSING_S = 300.0
ASK_IDS_S = 0.45


class TopicWatch:
    """Asks Kafka for its topics; blocks for a few seconds at most.

    Parameters
    ----------
    cluster : Cluster
    settings : Settings
    wanted : iterable of str
        Topics and patterns that handlers and settings ask for, without the group.
    consumer_group : str

    Attributes
    ----------
    view : ClusterView
        As of the last look.
    wanted, existing, missing, forbidden : tuple of str
        Full names: all that are wanted; those that exist (patterns resolved); those that do not;
        those that may not be read.
    """

    def __init__(
        self, cluster: Cluster, settings: Settings, wanted: Iterable[str], consumer_group: str
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._group = consumer_group
        self._ids: dict[str, str] = {}
        self._question: TopicIds | None = None
        self._asked_at = 0.0
        self._said_at = 0.0
        self.view = ClusterView("", {})
        self._asked_for = tuple(settings.full_topic(topic) for topic in wanted)
        self._taken_out = TakenOut()
        self.wanted = self._asked_for
        self.existing: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()
        self.forbidden: tuple[str, ...] = ()

    def look(self) -> None:
        """Look at the topics and learn their ids."""
        self.view = view = self._cluster.view()
        self._find()
        missing = tuple(n for n in self.wanted if not is_pattern(n) and n not in view.topics)
        self._complain(missing)
        self.missing = missing
        answer = self._cluster.ask_topic_ids(self.existing)
        self._ids = answer.wait()
        self._forbid(answer)

    def take_out(self, topics: Iterable[str]) -> bool:
        """Let these (and no others), without the group, be out; return whether that is new."""
        taken_out = TakenOut(tuple(self._settings.full_topic(topic) for topic in topics))
        if taken_out == self._taken_out:
            return False
        self._taken_out = taken_out
        self.wanted = taken_out.rest(self._asked_for)
        self.missing = taken_out.rest(self.missing)
        self._find()
        return True

    def is_out(self, topic: str) -> bool:
        """Whether a topic (its full name) was taken out."""
        return self._taken_out.covers(topic)

    def _find(self) -> None:
        found = {topic for name in self.wanted for topic in existing(name, self.view)}
        self.existing = self._taken_out.rest(sorted(found))

    def refresh_ids(self) -> None:
        """Take over Kafka's latest answer about topic ids, and ask again; does not block.

        Twice a second, so that a topic that was created again is seen before its records are
        fetched (``fetch.error.backoff.ms``).
        """
        if self._question is not None:
            self._take(self._question)
        now = time.monotonic()
        if self._question is None and now >= self._asked_at + ASK_IDS_S:
            self._asked_at = now
            self._question = self._cluster.ask_topic_ids(self._ids.keys())

    def _take(self, question: TopicIds) -> None:
        if question.done:
            self._ids.update(question.changes(self._ids))
            self._forbid(question)
        elif not question.give_up():
            return
        self._question = None

    def is_current(self, pid: PartitionId) -> bool:
        """Whether the topic has not been deleted since, nor created again."""
        return self._ids.get(pid.topic, "") == pid.topic_id

    def short(self, topic: str) -> str:
        """Return a topic without the group."""
        return self._settings.short_topic(topic)

    def describe(self, metrics: Metrics) -> None:
        """Write into the metrics what exists and what is missing, without the group."""
        metrics.topics = tuple(self.short(topic) for topic in self.existing)
        metrics.missing = tuple(self.short(topic) for topic in self.missing)
        metrics.forbidden = tuple(self.short(topic) for topic in self.forbidden)

    def subscription(self) -> list[str]:
        """Return what to subscribe to, as librdkafka takes it."""
        return self._taken_out.subscription(self.wanted, self.existing)

    def partition_ids(
        self, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, PartitionId]:
        """Return the ledger's names of those of the partitions that exist and have a leader.

        Without those of topics that were taken out and are on their way to another worker.
        """
        there = set(self.view.partitions(self._taken_out.rest({tp.topic for tp in partitions})))
        return {
            tp: PartitionId(
                self.view.cluster_id,
                self._group,
                tp.topic,
                self._ids.get(tp.topic, ""),
                tp.partition,
            )
            for tp in sorted(partitions)
            if tp in there
        }

    def _complain(self, missing: tuple[str, ...]) -> None:
        now = time.monotonic()
        if not missing or (missing == self.missing and now - self._said_at < REPEAT_MISSING_S):
            return
        self._said_at = now
        for name in missing:
            logger.error(self._missing_text(name))

    def _forbid(self, answer: TopicIds) -> None:
        """Take over which topics may not be read; of the others nothing new is known."""
        found = answer.forbidden()
        for topic in sorted(found.difference(self.forbidden)):
            logger.error(
                "Kafka does not let us read topic %s: ask the topic's owner for permission to read "
                "it (at SCiMMA on https://my.hop.scimma.org), or use another credential; it is "
                "read as soon as it is allowed",
                topic,
                extra={"topic": topic},
            )
        known = (topic for topic in self.forbidden if topic not in answer.topics)
        self.forbidden = tuple(sorted({*found, *known} & {*self.existing}))

    def _missing_text(self, name: str) -> str:
        prefix = self._settings.topic_prefix
        mine = [topic for topic in self.view.topics if topic.startswith(prefix)]
        # Without any topic of the group, the group itself may be mistyped.
        near = difflib.get_close_matches(name, mine or self.view.topics, n=3)
        hint = f" The nearest names are {', '.join(near)}." if near else ""
        return (
            f"topic {name} does not exist, or your credential may not read it.{hint} "
            "It is picked up as soon as it appears; if the name is right, ask the topic's owner "
            "for permission to read it."
        )
