# SPDX-License-Identifier: BSD-3-Clause
"""From which offset does a partition go on? The ledger's, Kafka's, or the first start.

The ledger counts when Kafka's commit names it, or when Kafka has no commit any more; otherwise
the commit counts: Redis is new or was emptied, or somebody has reset the group's offsets with
Kafka's own tools. When the commit names the ledger, and that knows nothing of the partition, Redis
came back as it was before the partition was claimed: then the claim counts, which the commit tells.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from igwn_alert_celery.enqueue.batch import PartitionId, Position
from igwn_alert_celery.errors import ForeignLedgerError, KafkaUnavailable
from igwn_alert_celery.kafka.cluster import Cluster, Commit
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.commit_note import CommitNote
from igwn_alert_celery.worker.first_requests import FirstRequests

__all__ = ["Claim", "Positions", "Progress"]

logger = logging.getLogger(__name__)

#: Counter of records that Kafka's retention removed before they were read.
GAP = "lost_to_retention"


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a ledger began with a partition."""

    ledger_id: str
    offset: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition is; records below ``redelivered_below`` may have been handled."""

    pid: PartitionId
    position: Position
    redelivered_below: int = 0
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What Kafka and the ledger know about one partition."""

    pid: PartitionId
    stored: Position | None
    commit: Commit | None
    low: int
    high: int

    @property
    def note(self) -> CommitNote | None:
        return CommitNote.read(self.commit.metadata) if self.commit else None


class Positions:
    """Decides where partitions start, and sees to it that the ledger says the same.

    Blocks on Kafka and on the task broker.
    """

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        enqueuer: Any,
        requests: FirstRequests,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._enqueuer = enqueuer
        self._requests = requests
        self._counters = metrics.counters
        self._group = metrics.consumer_group
        self._known: dict[str, str] = {}
        # Redis emptied under a running receiver gets a new ledger: the old one was ours.
        self._own_ledgers: set[str] = set()

    def check_group(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Commit]:
        """Return what the group has committed; raises when another live deployment uses it.

        Raises
        ------
        ForeignLedgerError
            With what to set.
        """
        commits = self._cluster.committed(partitions)
        other = self._foreign(commits.values())
        if other:
            raise ForeignLedgerError(_foreign_text(self._group, other, self._enqueuer.ledger_id))
        return commits

    def must_yield(self, partitions: Collection[TopicPartition]) -> bool:
        """Whether a deployment that came at the same moment stays, and this one has to go.

        Both passed :meth:`check_group`; of the two the one with the smaller ledger id stays.
        """
        other = self._foreign(self._cluster.committed(partitions).values())
        return bool(other) and other < self._enqueuer.ledger_id

    def _foreign(self, commits: Iterable[Commit]) -> str:
        self._own_ledgers.add(self._enqueuer.ledger_id)
        if self._settings.move_ledger:
            return ""
        notes = (CommitNote.read(commit.metadata) for commit in commits)
        live = {note.ledger_id for note in notes if note and note.is_live(time.time())}
        return min(live - self._own_ledgers, default="")

    def starts(self, pids: Mapping[TopicPartition, PartitionId]) -> dict[TopicPartition, Progress]:
        """Return where each partition starts."""
        if not pids:
            return {}
        # Another worker may have found Redis emptied, and begun a new ledger.
        self._enqueuer.renew_id()
        commits = self.check_group(pids.keys())
        self._known = self._requests.known(next(iter(pids.values())).cluster_id)
        stored = self._enqueuer.positions(pids.values())
        found = {}
        for partition, (low, high) in self._cluster.watermarks(pids).items():
            pid = pids[partition]
            commit = commits.get(partition)
            found[partition] = self._start(_Found(pid, stored[pid], commit, low, high))
        return found

    def _start(self, found: _Found) -> Progress:
        start = self._within(found, self._choose(found))
        claimed = self._claimed(found)
        if claimed is None and found.stored is None:
            claimed = start.position.next_offset
        claim = None if claimed is None else Claim(self._enqueuer.ledger_id, claimed)
        return replace(start, claim=claim)

    def _is_ours(self, note: CommitNote | None) -> bool:
        return note is not None and note.ledger_id == self._enqueuer.ledger_id

    def _claimed(self, found: _Found) -> int | None:
        """Return where our ledger began with the partition, as its commit tells."""
        note = found.note
        if note is None or not self._is_ours(note):
            return None
        return None if note.is_of_another_topic(found.pid.topic_id) else note.claimed

    def _choose(self, found: _Found) -> Progress:
        note, commit, stored = found.note, found.commit, found.stored
        ours = self._is_ours(note)
        if stored is not None and (commit is None or ours):
            return Progress(found.pid, stored, commit.next_offset if commit else 0)
        if note is not None and note.is_of_another_topic(found.pid.topic_id):
            _say_created_again(found.pid)
            return Progress(found.pid, self._settle(found, found.low))
        if commit is None:
            return self._from_request(found)
        return self._from_commit(found, commit, ours=ours)

    def _from_request(self, found: _Found) -> Progress:
        pid = found.pid
        offset = self._requests.offset(self._known, pid, found.low, found.high)
        if not self._requests.has_begun(self._known, pid):
            return Progress(pid, self._settle(found, offset))
        logger.warning(
            "%s[%d]: Kafka has no commit of the consumer group any more (it drops them when nobody "
            "has been in the group for offsets.retention.minutes, 7 days by default); going on at "
            "%d, where the group began: what it has handled since comes again, marked redelivered",
            pid.topic,
            pid.partition,
            max(offset, found.low),
        )
        return Progress(pid, self._settle(found, offset), found.high)

    def _from_commit(self, found: _Found, commit: Commit, *, ours: bool) -> Progress:
        offset = commit.next_offset
        pid = found.pid
        if found.note is not None and self._enqueuer.keeps_positions:
            claimed = self._claimed(found)
            if claimed is None:
                offset = self._rewound(pid, offset)
            else:
                # What retention has removed since was enqueued once, so it is not counted as lost.
                offset = max(min(claimed, offset), found.low)
            logger.warning(
                "%s[%d]: %s; going on at offset %d (Kafka's commit is %d). What was queued on the "
                "task broker before is gone",
                pid.topic,
                pid.partition,
                "the ledger has lost its position" if ours else "the commit names another ledger",
                offset,
                commit.next_offset,
            )
        elif found.stored is not None:
            logger.warning(
                "%s[%d]: the group's offset was set by something else; going on there, at %d",
                pid.topic,
                pid.partition,
                offset,
            )
        return Progress(pid, self._settle(found, offset), commit.next_offset)

    def _rewound(self, pid: PartitionId, offset: int) -> int:
        if self._settings.rewind_s is None:
            return offset
        since_ms = int((time.time() - self._settings.rewind_s) * 1000)
        partition = TopicPartition(pid.topic, pid.partition)
        found = self._cluster.offsets_at([partition], since_ms)
        if partition not in found:
            raise KafkaUnavailable(f"{pid.topic}[{pid.partition}] does not answer")
        return min(offset, found[partition])

    def _settle(self, found: _Found, offset: int) -> Position:
        position: Position = (
            self._enqueuer.claim(found.pid, offset)
            if found.stored is None
            else self._enqueuer.seek(found.pid, offset, found.stored)
        )
        return position

    def _within(self, found: _Found, start: Progress) -> Progress:
        pid, offset = found.pid, start.position.next_offset
        if found.low <= offset <= found.high:
            return start
        target = found.low
        if offset < found.low:
            self._counters[GAP] += found.low - offset
            logger.critical(
                "%s[%d]: Kafka's retention has passed our position: offsets %d to %d are lost",
                pid.topic,
                pid.partition,
                offset,
                found.low - 1,
            )
        elif pid.topic_id:
            # The same topic, so its log was cut off (unclean leader election).
            target = found.high
            logger.critical(
                "%s[%d]: Kafka has lost the records from %d to %d, which were enqueued; going on "
                "at %d",
                pid.topic,
                pid.partition,
                found.high,
                offset - 1,
                found.high,
            )
        else:
            _say_created_again(pid)
        position = self._enqueuer.seek(pid, target, start.position)
        return Progress(pid, position, start.redelivered_below)


def _say_created_again(pid: PartitionId) -> None:
    logger.warning(
        "%s[%d]: the topic was deleted and created again; reading it from its beginning",
        pid.topic,
        pid.partition,
    )


def _foreign_text(group: str, other: str, ours: str) -> str:
    return (
        f"consumer group {group!r} is in use by another deployment (ledger {other[:8]}, ours is "
        f"{ours[:8]}): both would eat each other's alerts. Set "
        "igwn_alert_consumer_group to a name of its own; if this deployment has moved to a new "
        "task broker, set igwn_alert_move_ledger = True once"
    )
