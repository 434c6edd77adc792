# SPDX-License-Identifier: BSD-3-Clause
"""Where `listen` gets its records: a reader of its own, or with ``-c`` a consumer group."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from igwn_alert_celery.cli.decoding import Decoding
from igwn_alert_celery.cli.questions import asking, commits_of, seen_topics
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.wanted import found
from igwn_alert_celery.client.member import Member
from igwn_alert_celery.errors import ForeignLedgerError
from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.kafka.client import consumer_config, reader_config
from igwn_alert_celery.kafka.consumer import Problem
from igwn_alert_celery.kafka.reader import Reader
from igwn_alert_celery.record import Record
from igwn_alert_celery.worker.commit_note import CommitNote

__all__ = ["Source", "open_source"]


class Source:
    """Records from a reader or from a member of a consumer group.

    Parameters
    ----------
    feed : Reader or Member
    decoding : Decoding
    existing : collection of str
        The topics that there are, at least those that were there when reading began.
    """

    def __init__(
        self, feed: Reader | Member, decoding: Decoding, existing: Collection[str]
    ) -> None:
        self._feed = feed
        self.decoding = decoding
        self.existing = existing

    @property
    def backlog(self) -> int:
        """How many records were there already; 0 where a group keeps the position."""
        return self._feed.backlog if isinstance(self._feed, Reader) else 0

    def at_ends(self) -> bool:
        """Whether all that was there at the start has been read."""
        return self._feed.at_ends()

    def poll(self, timeout_s: float, most: int) -> tuple[list[Record], list[Problem]]:
        """Wait for a first record, then take what is there."""
        return self._feed.poll(timeout_s, most)

    def done(self, record: Record) -> None:
        """Note that a record was shown: a group does not get it again."""
        if isinstance(self._feed, Member):
            self._feed.done(record)


@contextmanager
def open_source(target: Target, topics: Sequence[str], start: str | int) -> Iterator[Source]:
    """Connect, and let go at the end.

    Parameters
    ----------
    target : Target
    topics : sequence of str
        Names and patterns without the group.
    start : str or int
        ``latest``, ``earliest`` or milliseconds; a group has its own position.

    Raises
    ------
    ForeignLedgerError
        The consumer group is that of a running app.
    KafkaUnavailable
        Kafka does not answer.
    KafkaRefused
        Kafka does not let us in.
    """
    settings, consumer_group = target.settings, target.flags.consumer_group
    names = [_as_kafka_has_it(settings.full_topic(topic)) for topic in topics]
    feed: Reader | Member
    existing: Collection[str] = ()
    if consumer_group is None:
        config = reader_config(settings, target.credential, target.username)
        feed = Reader(config, names, start)
    else:
        existing = _refuse_group_of_app(target, consumer_group, topics)
        config = consumer_config(settings, target.credential, consumer_group)
        feed = Member(config, names, "latest")
    try:
        if isinstance(feed, Reader):
            existing = seen_topics(feed)
        yield Source(feed, Decoding(target, config), existing)
    finally:
        feed.close()


def _refuse_group_of_app(
    target: Target, consumer_group: str, topics: Sequence[str]
) -> Collection[str]:
    """Keep out of a group whose alerts belong to a running app: it would miss what we take.

    Returns all topics that there are.
    """
    with asking(target, consumer_group) as cluster:
        view = cluster.view()
        partitions = view.partitions(found(target.settings, topics, view.topics))
        commits = commits_of(cluster, partitions).values()
    notes: list[Any] = [CommitNote.read(commit.metadata) for commit in commits]
    if any(note is not None and note.is_live(time.time()) for note in notes):
        raise ForeignLedgerError(
            f"-c: the consumer group {consumer_group!r} is that of a running app, which would not "
            "get the alerts shown here: choose another, or leave -c out to see all alerts"
        )
    return view.topics


def _as_kafka_has_it(name: str) -> str:
    return f"^{topic_regex(name).pattern}$" if is_pattern(name) else name
