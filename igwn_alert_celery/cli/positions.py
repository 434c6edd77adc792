# SPDX-License-Identifier: BSD-3-Clause
"""How far a consumer group is, partition by partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from igwn_alert_celery.cli.questions import asking, commits_of, naming
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.consumer_group import consumer_group_of
from igwn_alert_celery.errors import NoAppError
from igwn_alert_celery.handlers import is_pattern
from igwn_alert_celery.kafka.client import consumer_config
from igwn_alert_celery.kafka.cluster import Commit
from igwn_alert_celery.kafka.members import Membership, members_of
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.worker.first_requests import existing

__all__ = ["Reading", "read_positions"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a consumer group takes.

    Attributes
    ----------
    consumer_group, state : str
        Its name, and its state in Kafka's words.
    members : int
    rows : list of tuple of str
        Topic without the group, partition, position, lag and member's host; ``-`` for none.
    missing : list of str
        Full topics that the app asks for and that are not there.
    """

    consumer_group: str
    state: str
    members: int
    rows: list[tuple[str, ...]]
    missing: list[str]


def read_positions(target: Target) -> Reading:
    """Ask Kafka about the app's consumer group, without joining it; takes seconds at most.

    Raises
    ------
    KafkaUnavailable, KafkaRefused
        Kafka does not answer, or does not let us in.
    """
    bridge, settings = target.bridge, target.settings
    if bridge is None:
        raise NoAppError("give the app with -A")
    group = consumer_group_of(settings, target.username, bridge.app.main)
    with asking(target, group) as cluster:
        view = cluster.view()
        wanted = [settings.full_topic(topic) for topic in bridge.topics]
        topics = sorted({topic for name in wanted for topic in existing(name, view)})
        partitions = view.partitions(topics)
        commits = commits_of(cluster, partitions)
        marks = cluster.watermarks(partitions)
    with naming(target):
        members = members_of(consumer_config(settings, target.credential, group), group)
    rows = [
        (settings.short_topic(tp.topic), *_row(tp, commits, marks, members)) for tp in partitions
    ]
    missing = [name for name in wanted if not is_pattern(name) and name not in view.topics]
    return Reading(group, members.state, members.members, rows, missing)


def _row(
    partition: TopicPartition,
    commits: Mapping[TopicPartition, Commit],
    marks: Mapping[TopicPartition, tuple[int, int]],
    members: Membership,
) -> tuple[str, ...]:
    position = lag = "-"
    if partition in commits:
        offset = commits[partition].next_offset
        position = str(offset)
        if partition in marks:
            lag = str(max(0, marks[partition][1] - offset))
    return str(partition.partition), position, lag, members.hosts.get(partition, "-")
