# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.enqueue.batch import PartitionId
from igwn_alert_celery.kafka.cluster import ClusterView
from igwn_alert_celery.worker import topic_watch
from igwn_alert_celery.worker.topic_watch import ASK_IDS_S, TopicWatch


class Question:
    """Kafka's answer, which comes when it is told to."""

    topics = frozenset({"g.one"})

    def __init__(self, ids):
        self.ids = ids
        self.done = self.is_lost = False

    def wait(self):
        return dict(self.ids)

    def changes(self, known):
        assert self.done
        return {topic: one for topic, one in self.ids.items() if known.get(topic) != one}

    def forbidden(self):
        return set()

    def give_up(self):
        return self.is_lost


class Cluster:
    def __init__(self):
        self.ids = {"g.one": "old"}
        self.questions = []

    def view(self):
        return ClusterView("cluster", {"g.one": 1})

    def ask_topic_ids(self, topics):
        assert set(topics) == {"g.one"}
        self.questions.append(Question(dict(self.ids)))
        return self.questions[-1]


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(topic_watch, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def watch(cluster, clock):
    settings = SimpleNamespace(full_topic=lambda topic: f"g.{topic}", topic_prefix="g.")
    watch = TopicWatch(cluster, settings, ["one"], "group")
    watch.look()
    cluster.questions.clear()
    return watch


def is_old(watch):
    return watch.is_current(PartitionId("cluster", "group", "g.one", "old", 0))


def test_an_answer_is_taken_as_soon_as_it_is_there(watch, cluster):
    cluster.ids = {"g.one": "new"}
    watch.refresh_ids()
    watch.refresh_ids()
    assert is_old(watch)
    cluster.questions[-1].done = True
    watch.refresh_ids()
    assert not is_old(watch)


def test_kafka_is_asked_twice_a_second(watch, cluster, clock):
    watch.refresh_ids()
    cluster.questions[-1].done = True
    for _ in range(3):
        watch.refresh_ids()
        assert len(cluster.questions) == 1
    clock.s += ASK_IDS_S
    watch.refresh_ids()
    assert len(cluster.questions) == 2


def test_nobody_asks_again_before_the_answer_is_there(watch, cluster, clock):
    watch.refresh_ids()
    clock.s += 5 * ASK_IDS_S
    watch.refresh_ids()
    assert len(cluster.questions) == 1
    cluster.questions[-1].done = True
    watch.refresh_ids()
    assert len(cluster.questions) == 2


def test_an_answer_that_is_lost_is_asked_for_anew(watch, cluster, clock):
    watch.refresh_ids()
    clock.s += 5 * ASK_IDS_S
    cluster.questions[-1].is_lost = True
    watch.refresh_ids()
    assert len(cluster.questions) == 2
    assert is_old(watch)
