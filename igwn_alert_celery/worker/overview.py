# SPDX-License-Identifier: BSD-3-Clause
"""What the consumer group will read, topic by topic, before it starts: for the start block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from igwn_alert_celery.handlers import is_pattern
from igwn_alert_celery.kafka.cluster import Cluster, ClusterView, Commit
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.worker.first_requests import existing

__all__ = ["TopicState", "topic_states"]


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic, or one pattern with what it finds (``topics``).

    Attributes
    ----------
    name : str
        Full topic or pattern.
    exists : bool
        Whether Kafka has it; for a pattern whether it finds any.
    partitions : int
    behind : int or None
        Records after the group's position; None where the group has none yet.
    newest_ms : int or None
        When the newest record was written, milliseconds since the epoch.
    topics : tuple of TopicState
        What a pattern finds.
    silent : int
        Partitions that do not answer just now.
    """

    name: str
    exists: bool
    partitions: int = 0
    behind: int | None = None
    newest_ms: int | None = None
    topics: tuple[TopicState, ...] = ()
    silent: int = 0


def topic_states(
    cluster: Cluster,
    view: ClusterView,
    wanted: tuple[str, ...],
    commits: Mapping[TopicPartition, Commit],
) -> list[TopicState]:
    """Ask Kafka about all wanted topics; blocks for a few seconds at most.

    Raises
    ------
    KafkaUnavailable
        It did not answer.
    """
    partitions = view.partitions({t for name in wanted for t in existing(name, view)})
    highs = {tp: high for tp, (_, high) in cluster.watermarks(partitions).items()}
    newest_ms = cluster.newest_ms(partitions)

    def state(topic: str) -> TopicState:
        mine = [tp for tp in view.partitions([topic]) if tp in highs]
        known = [tp for tp in mine if tp in commits]
        behind = sum(max(0, highs[tp] - commits[tp].next_offset) for tp in known)
        count = view.topics.get(topic, 0)
        return TopicState(
            topic,
            count > 0,
            count,
            behind if known else None,
            newest_ms.get(topic),
            silent=count - len(mine),
        )

    def pattern(name: str) -> TopicState:
        found = tuple(state(topic) for topic in existing(name, view))
        return TopicState(name, bool(found), topics=found)

    return [pattern(name) if is_pattern(name) else state(name) for name in wanted]
