# SPDX-License-Identifier: BSD-3-Clause
"""A real member of a consumer group, for a program that handles alerts one by one."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from igwn_alert_celery.client.first_look import first_look
from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.cluster import ClusterView, Commit
from igwn_alert_celery.kafka.consumer import Consumer, Problem, forbidden
from igwn_alert_celery.kafka.stalls import Stalls
from igwn_alert_celery.kafka.starts import CreatedAgain
from igwn_alert_celery.native import start_native_thread
from igwn_alert_celery.record import Record, TopicPartition

__all__ = ["Member"]

logger = logging.getLogger(__name__)

_AGAIN_S = 1.0
_STALL_S = 3.0
_LEAVE_S = 5.0
_LOOK_S = 0.005
# The text of our commits, before the topic's id.
_OF_TOPIC = "topic id "


class Member:
    """Shares partitions with the others of its group; commits what was handled, and no more.

    A partition goes on at the group's committed offset, whoever committed it (igwn-alert commits
    to the same group). Without one it begins at its end (or its beginning, with ``earliest``), and
    that is committed at once; partitions that came later begin at their beginning, and so do those
    of a topic that was deleted and created again.

    Parameters
    ----------
    config : dict
        From :func:`~igwn_alert_celery.kafka.client.consumer_config`.
    topics : collection of str
        Full names; one that begins with ``^`` is a regular expression.
    start : {"latest", "earliest"}

    Attributes
    ----------
    missing : set of str
        Topics that did not exist when it was made, or that must not be seen.
    positions : dict
        Next offset of each partition of ours, as far as it has been polled.
    """

    def __init__(self, config: dict[str, Any], topics: Collection[str], start: str) -> None:
        self._topics = set(topics)
        self._start = start
        self._made_ms = round(time.time() * 1000)
        self._is_late = False
        self._before: dict[str, int] | None = None
        self._handled: dict[TopicPartition, int] = {}
        self._uncommitted: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}
        self._anew: set[TopicPartition] = set()
        self._try_at = self._look_at = 0.0
        self._found: list[Problem] = []
        self._left = self._has_joined = False
        self.positions: dict[TopicPartition, int] = {}
        self.missing: set[str] = set()
        self._consumer = Consumer(config)
        self._stalls = Stalls(self._consumer.cluster)
        self._created_again = CreatedAgain(self._consumer.cluster)
        self._consumer.on_revoked = self._revoked
        self._consumer.on_lost = self._forget
        try:
            self._join()
        except BaseException:
            self._consumer.close()
            raise

    @property
    def topics(self) -> set[str]:
        """The topics that are named or match."""
        named = {topic for topic in self._topics if not topic.startswith("^")}
        return named | {partition.topic for partition in self.positions}

    def follow(self, pattern: str) -> None:
        """Read topics that match a regular expression as well, once they are created."""
        self._topics.add(pattern)
        self._consumer.subscribe(self._topics)

    def at_ends(self) -> bool:
        """Whether every partition of ours has reached the end that it had when it came to us."""
        if not self._consumer.joined or self._consumer.new:
            return False
        return all(self.positions.get(tp, end) >= end for tp, end in self._ends.items())

    def poll(self, timeout_s: float, most: int) -> tuple[list[Record], list[Problem]]:
        """Commit what has been handled, wait for a first record, and take what is there."""
        self._commit(self._uncommitted, wait=False)
        self._uncommitted = set()
        if time.monotonic() > self._look_at and not self._consumer.new:
            self._revive()
        records, problems = self._consumer.poll(timeout_s, most)
        self._has_joined = self._has_joined or self._consumer.joined
        if not self._has_joined:
            self._consumer.refusals.check()
        if not records:
            self._stalls.note_empty()
        began = self._start_new() if self._consumer.new else set()
        # Polled before the seek: of a topic that began anew it is from the middle.
        records = [r for r in records if TopicPartition(r.topic, r.partition) not in began]
        for problem in problems:
            self._note(problem)
        found, self._found = self._found, []
        return [record for record in records if self._take(record)], [*problems, *found]

    def done(self, record: Record) -> None:
        """Note that a record was handled; it is committed with the next :meth:`poll`."""
        partition = TopicPartition(record.topic, record.partition)
        # What lies ahead of our position was the old topic's, before it began anew.
        is_ours = record.offset < self.positions.get(partition, 0)
        if is_ours and partition in self._consumer.assigned:
            self._handled[partition] = record.offset + 1
            self._uncommitted.add(partition)

    def close(self) -> None:
        """Commit what was handled and leave the group; gives up after 5 s."""
        # librdkafka waits a minute and more for a coordinator that is away.
        start_native_thread(self._leave, "igwn-alert-leave")
        deadline = time.monotonic() + _LEAVE_S
        while not self._left and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        if not self._left:
            logger.warning(
                "Kafka does not answer: what was handled last may come again, and the group "
                "notices by itself that we have left"
            )

    def _leave(self) -> None:
        try:
            self._commit(self._handled, wait=True)
        except KafkaUnavailable as exc:
            logger.warning("what was handled last may come again: %s", exc)
        self._handled.clear()
        self._consumer.close()
        self._left = True

    def _join(self) -> None:
        try:
            self._see(first_look(self._consumer))
        except KafkaUnavailable as exc:
            self._is_late = True
            logger.warning("no answer from Kafka yet, going on trying: %s", exc)
        self._consumer.subscribe(self._topics)

    def _see(self, view: ClusterView) -> None:
        if self._before is None:
            self._before = dict(view.topics)
        named = {topic for topic in self._topics if not topic.startswith("^")}
        self.missing = named - view.topics.keys()
        self._notice(view)

    def _notice(self, view: ClusterView) -> None:
        """Let topics that were deleted and created again begin anew."""
        patterns = [topic for topic in self._topics if topic.startswith("^")]
        matching = {topic for topic in view.topics if any(re.match(p, topic) for p in patterns)}
        again = self._created_again.look(matching | (self._topics & view.topics.keys()))
        if not again:
            return
        self._before = {t: n for t, n in (self._before or {}).items() if t not in again}
        mine = {tp for tp in self._consumer.assigned if tp.topic in again}
        self._forget(mine)
        self._anew |= mine
        self._consumer.pause(mine)

    def _start_new(self) -> set[TopicPartition]:
        if time.monotonic() < self._try_at:
            return set()
        self._try_at = time.monotonic() + _AGAIN_S
        cluster, new = self._consumer.cluster, self._consumer.new
        try:
            self._see(cluster.view())
            self._found += map(forbidden, sorted(cluster.forbidden({tp.topic for tp in new})))
            commits, marks = cluster.committed(new), cluster.watermarks(new)
            starts = self._find(commits, marks)
        except KafkaUnavailable as exc:
            self._is_late = True
            logger.warning("cannot ask where to begin, going on trying: %s", exc)
            return set()
        self._is_late |= starts.keys() != new
        self._consumer.start_at(starts)
        self._anew -= starts.keys()
        self.positions.update(starts)
        self._ends.update((tp, marks[tp][1]) for tp in starts)
        # At once: a later start must not skip what is sent while nobody listens.
        self._handled.update(starts)
        kept = {tp for tp, commit in commits.items() if commit.next_offset == starts.get(tp)}
        self._commit(starts.keys() - kept, wait=False)
        self._try_at = 0.0 if starts else self._try_at
        return set(starts)

    def _find(
        self,
        commits: Mapping[TopicPartition, Commit],
        marks: Mapping[TopicPartition, tuple[int, int]],
    ) -> dict[TopicPartition, int]:
        """Return where partitions begin, without those whose end is not told."""
        at_end = {tp for tp in marks.keys() - commits.keys() if self._is_from_end(tp)}
        ends = {tp: marks[tp][1] for tp in at_end}
        if self._is_late:
            # There is more by now than when we began to listen.
            ends = self._consumer.cluster.offsets_at(at_end, self._made_ms)
        others = marks.keys() - at_end
        return {**ends, **{tp: self._begin(tp, commits.get(tp), *marks[tp]) for tp in others}}

    def _is_from_end(self, partition: TopicPartition) -> bool:
        was_there = partition.partition < (self._before or {}).get(partition.topic, 0)
        return was_there and self._start == "latest"

    def _revive(self) -> None:
        """Let go on what librdkafka has stopped fetching."""
        self._look_at = time.monotonic() + _STALL_S
        try:
            view = self._consumer.cluster.view(_AGAIN_S)
            self._notice(view)
        except KafkaUnavailable as exc:
            logger.debug("cannot look for stalled partitions: %s", exc)
            return
        flowing = {tp: at for tp, at in self.positions.items() if tp not in view.leaderless}
        stalled = self._stalls.look(flowing)
        if stalled:
            logger.warning("%d partitions had stopped flowing and are fetched anew", len(stalled))
            self._consumer.fetch_anew({tp: self.positions[tp] for tp in stalled})

    def _begin(self, partition: TopicPartition, commit: Commit | None, low: int, high: int) -> int:
        if commit is None or partition in self._anew:
            return low
        if self._is_of_another_topic(partition, commit):
            logger.warning("%s: the group's commit is of a topic that was deleted", partition)
            return low
        if low <= commit.next_offset <= high:
            return commit.next_offset
        logger.critical(
            "%s[%d]: Kafka has no record at the group's offset %d: it was removed after its time, "
            "or the topic was created again. Going on at the oldest record, %d",
            partition.topic,
            partition.partition,
            commit.next_offset,
            low,
        )
        return low

    def _is_of_another_topic(self, partition: TopicPartition, commit: Commit) -> bool:
        now = self._text(partition)
        return bool(now) and commit.metadata.startswith(_OF_TOPIC) and commit.metadata != now

    def _text(self, partition: TopicPartition) -> str:
        # A last commit for the deleted topic may go to the new one.
        topic_id = self._created_again.ids.get(partition.topic)
        return f"{_OF_TOPIC}{topic_id}" if topic_id else ""

    def _note(self, problem: Problem) -> None:
        if problem.code == "TOPIC_AUTHORIZATION_FAILED":
            # librdkafka would try for 10 s to commit there.
            for partition in [tp for tp in self._handled if tp.topic == problem.topic]:
                del self._handled[partition]
        if problem.code == "_AUTO_OFFSET_RESET" and problem.topic and problem.partition is not None:
            self._consumer.pause([TopicPartition(problem.topic, problem.partition)])

    def _take(self, record: Record) -> bool:
        """Whether a record is to be handled now; not while its partition waits, nor twice."""
        partition = TopicPartition(record.topic, record.partition)
        if partition in self._consumer.new or partition not in self.positions:
            return False
        if record.offset < self.positions[partition]:
            return False
        self.positions[partition] = record.offset + 1
        return True

    def _commit(self, partitions: Iterable[TopicPartition], *, wait: bool) -> None:
        handled = self._handled.items() & {(tp, self._handled.get(tp)) for tp in partitions}
        commits = {tp: Commit(offset, self._text(tp)) for tp, offset in handled}
        self._consumer.commit(commits, wait=wait)

    def _revoked(self, partitions: set[TopicPartition]) -> None:
        try:
            self._commit(partitions, wait=True)
        except KafkaUnavailable as exc:
            logger.warning("what was handled last may come again elsewhere: %s", exc)
        self._forget(partitions)

    def _forget(self, partitions: set[TopicPartition]) -> None:
        for partition in partitions:
            for noted in (self._handled, self.positions, self._ends):
                noted.pop(partition, None)
        self._uncommitted -= partitions
        self._anew -= partitions
