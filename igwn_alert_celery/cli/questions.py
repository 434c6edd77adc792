# SPDX-License-Identifier: BSD-3-Clause
"""Ask Kafka something, within seconds, without joining any consumer group."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.record import TopicPartition

if TYPE_CHECKING:
    from igwn_alert_celery.kafka.cluster import Cluster, Commit
    from igwn_alert_celery.kafka.reader import Reader

__all__ = ["asking", "commits_of", "naming", "seen_topics"]

_PROBE_S = 1.0
# A broker that has just started does not know at once who keeps a group.
_COORDINATOR_S = 8.0
_PAUSE_S = 0.2


@contextmanager
def asking(target: Target, consumer_group: str | None = None) -> Iterator[Cluster]:
    """Connect for questions; to connect takes 6 s at most, and so does each call.

    Parameters
    ----------
    target : Target
    consumer_group : str, optional
        Whose commits are asked for.

    Raises
    ------
    KafkaUnavailable
        It does not answer.
    KafkaRefused
        It refuses the credential or the consumer group, or its certificate does not fit.
    """
    from igwn_alert_celery.kafka.client import reader_config
    from igwn_alert_celery.kafka.reader import Reader

    config = reader_config(target.settings, target.credential, target.username)
    if consumer_group is not None:
        config["group.id"] = consumer_group
    with naming(target):
        reader = Reader(config, (), "latest")
        try:
            seen_topics(reader)
            with reader.explained():
                if consumer_group is not None:
                    reader.check_group()
                yield reader.cluster
        finally:
            reader.close()


def seen_topics(reader: Reader) -> Collection[str]:
    """Return the topics that there are; says soon whether Kafka answers.

    Raises
    ------
    KafkaUnavailable, KafkaRefused
        It does not, or does not let us in.
    """
    # Making the reader has waited already; only whether that was in vain is to be seen.
    with reader.explained():
        return reader.cluster.view(_PROBE_S).topics.keys()


def commits_of(
    cluster: Cluster, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, Commit]:
    """Return what the consumer group has committed; asks again while its coordinator starts.

    Raises
    ------
    KafkaUnavailable
        It does not answer.
    """
    deadline = time.monotonic() + _COORDINATOR_S
    while True:
        try:
            return cluster.committed(partitions)
        except KafkaUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


@contextmanager
def naming(target: Target) -> Iterator[None]:
    """Let the error of a Kafka that is away name the place."""
    try:
        yield
    except KafkaUnavailable as exc:
        if str(exc).startswith(f"Kafka at {target.place} "):
            raise
        raise KafkaUnavailable(
            f"Kafka at {target.place} does not answer ({exc}): check -s and -p, and the network; "
            "`igwn-alert doctor` looks closer"
        ) from exc
