# SPDX-License-Identifier: BSD-3-Clause
"""Where a partition starts when Kafka has dropped the group's commits, or Redis its claim."""

import json
import time

import pytest

from igwn_alert_celery.enqueue.batch import PartitionId, Position
from igwn_alert_celery.kafka.cluster import ClusterView, Commit
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.commit_note import CommitNote
from igwn_alert_celery.worker.first_requests import FirstRequests
from igwn_alert_celery.worker.positions import Claim, Positions

TOPIC = "gracedb.superevent"
PARTITION = TopicPartition(TOPIC, 0)
PID = PartitionId("cluster", "followup", TOPIC, "id", 0)
VIEW = ClusterView("cluster", {TOPIC: 1})


class FakeCluster:
    def __init__(self, low, high, commit=None, note=""):
        self.low, self.high = low, high
        self.commits = {} if commit is None else {PARTITION: Commit(commit, note)}

    def committed(self, partitions):
        return self.commits

    def watermarks(self, partitions):
        return dict.fromkeys(partitions, (self.low, self.high))

    def topic_ids(self, topics):
        return dict.fromkeys(topics, "id")


class FakeEnqueuer:
    """As on any task broker but Redis: it keeps no position."""

    keeps_positions = False
    ledger_id = "ours"

    def __init__(self):
        self.memory = self
        self.stored = {}

    def renew_id(self):
        pass

    def positions(self, pids):
        return dict.fromkeys(pids)

    def claim(self, pid, next_offset):
        return Position(next_offset, 0)

    def seek(self, pid, next_offset, believed=None):
        return Position(next_offset, 0)

    def asked(self, cluster_id, consumer_group):
        return dict(self.stored)

    def remember(self, cluster_id, consumer_group, name, text):
        return self.stored.setdefault(name, text)


class Ledger(FakeEnqueuer):
    """As on Redis: it keeps positions."""

    keeps_positions = True

    def __init__(self):
        super().__init__()
        self.kept = {}

    def positions(self, pids):
        return {pid: self.kept.get(pid) for pid in pids}

    def claim(self, pid, next_offset):
        return self.kept.setdefault(pid, Position(next_offset, 0))

    def seek(self, pid, next_offset, believed=None):
        self.kept[pid] = Position(next_offset, self.kept[pid].epoch + 1)
        return self.kept[pid]


def note(claimed=None, ledger_id="ours", topic_id="id"):
    """Return what stands beside a commit, of a deployment that has ended."""
    return CommitNote(ledger_id, topic_id, 0.0, "", claimed).text()


def started(enqueuer, cluster):
    """Start a receiver, and return where the partition does."""
    settings, metrics = Settings(noauth=True), Metrics()
    requests = FirstRequests(settings, cluster, enqueuer, "followup")
    requests.ask(VIEW, [TOPIC])
    positions = Positions(settings, cluster, enqueuer, requests, metrics)
    return positions.starts({PARTITION: PID})[PARTITION], metrics


def begun(enqueuer, at=100):
    """Let a receiver have begun there, an hour ago."""
    started(enqueuer, FakeCluster(0, at))
    asked = json.loads(enqueuer.stored[TOPIC])
    enqueuer.stored[TOPIC] = json.dumps({**asked, "at": time.time() - 3600})


def test_a_first_start_is_no_such_case(caplog):
    progress, _ = started(FakeEnqueuer(), FakeCluster(0, 100))
    assert (progress.position.next_offset, progress.redelivered_below) == (100, 0)
    assert caplog.text == ""


def test_it_starts_where_the_group_began_and_says_what_comes_again(caplog):
    enqueuer = FakeEnqueuer()
    begun(enqueuer)
    progress, _ = started(enqueuer, FakeCluster(0, 5010, commit=5000))
    assert (progress.position.next_offset, progress.redelivered_below) == (5000, 5000)
    assert caplog.text == ""
    progress, metrics = started(enqueuer, FakeCluster(0, 5010))
    assert (progress.position.next_offset, progress.redelivered_below) == (100, 5010)
    assert "Kafka has no commit of the consumer group any more" in caplog.text
    assert metrics.counters["lost_to_retention"] == 0


@pytest.mark.parametrize("low", [4000, 5010])
def test_what_retention_has_removed_meanwhile_counts_as_lost_too(caplog, low):
    enqueuer = FakeEnqueuer()
    begun(enqueuer)
    progress, metrics = started(enqueuer, FakeCluster(low, 5010))
    assert (progress.position.next_offset, progress.redelivered_below) == (low, 5010)
    assert metrics.counters["lost_to_retention"] == low - 100


def test_what_a_ledger_begins_with_is_noted_and_handed_on():
    ledger = Ledger()
    progress, _ = started(ledger, FakeCluster(0, 100))
    assert (progress.position.next_offset, progress.claim) == (100, Claim("ours", 100))
    ledger.kept[PID] = Position(120, 0)
    progress, _ = started(ledger, FakeCluster(0, 130, commit=110, note=note(100)))
    assert (progress.position.next_offset, progress.claim) == (120, Claim("ours", 100))


@pytest.mark.parametrize(("low", "expected"), [(0, 100), (105, 105)])
def test_redis_from_before_the_claim_is_rewound_to_the_claim(low, expected):
    progress, metrics = started(Ledger(), FakeCluster(low, 130, commit=120, note=note(100)))
    assert progress.position.next_offset == expected
    assert (progress.redelivered_below, progress.claim) == (120, Claim("ours", 100))
    assert metrics.counters["lost_to_retention"] == 0


@pytest.mark.parametrize(
    "noted",
    [note(), note(100, ledger_id="other"), ""],
    ids=["an older version's", "another ledger's", "somebody's"],
)
def test_without_a_claim_of_this_ledger_the_commit_counts(noted):
    progress, _ = started(Ledger(), FakeCluster(0, 130, commit=120, note=noted))
    assert progress.position.next_offset == 120


def test_the_claim_of_a_topic_that_was_created_again_is_another_one():
    cluster = FakeCluster(0, 130, commit=120, note=note(100, topic_id="older"))
    progress, _ = started(Ledger(), cluster)
    assert (progress.position.next_offset, progress.claim) == (0, Claim("ours", 0))


def test_a_task_broker_without_positions_goes_on_at_the_commit():
    progress, _ = started(FakeEnqueuer(), FakeCluster(0, 130, commit=120, note=note(100)))
    assert progress.position.next_offset == 120
