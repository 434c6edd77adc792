# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.cluster import ClusterView
from igwn_alert_celery.kafka.starts import CreatedAgain, Starts
from igwn_alert_celery.record import TopicPartition

A, B, C = (TopicPartition("g.one", number) for number in range(3))


class Cluster:
    """Partitions from 3 to 9, and an offset of 7 at the time that is asked for."""

    def __init__(self, *, silent=()):
        self.silent = set(silent)

    def watermarks(self, partitions):
        return {tp: (3, 9) for tp in partitions if tp not in self.silent}

    def offsets_at(self, partitions, timestamp_ms):
        assert timestamp_ms == 1000
        return {tp: 7 for tp in partitions if tp not in self.silent}


def make(cluster, start):
    return Starts(cluster, start, 1000)


def view(partitions, *leaderless):
    return ClusterView("id", {"g.one": partitions}, frozenset(leaderless))


def see(starts, found):
    starts.see(found, ["g.one"])
    return starts.settle(found)


@pytest.mark.parametrize(("start", "offset"), [("latest", 9), ("earliest", 3), (1000, 7)])
def test_what_is_there_at_first_begins_at_the_start(start, offset):
    starts = make(Cluster(), start)
    assert not starts.is_settled
    assert see(starts, view(2)) == {A: offset, B: offset}
    assert starts.is_settled
    assert starts.offsets == {A: offset, B: offset}
    assert starts.ends == {A: 9, B: 9}


@pytest.mark.parametrize("start", ["latest", "earliest", 1000])
def test_what_comes_later_begins_at_its_beginning_and_belongs_to_no_backlog(start):
    starts = make(Cluster(), start)
    see(starts, view(2))
    assert see(starts, view(3)) == {C: 3}
    assert C not in starts.ends
    assert see(starts, view(3)) == {}


@pytest.mark.parametrize(("start", "offset"), [("latest", 7), ("earliest", 3), (1000, 7)])
def test_a_broker_that_was_away_at_first_does_not_make_its_partitions_new(start, offset):
    starts = make(Cluster(), start)
    assert A in see(starts, view(2, B))
    assert not starts.is_settled
    # Latest is what was the end when it was made: more has come meanwhile.
    assert see(starts, view(2)) == {B: offset}
    assert starts.is_settled
    assert starts.ends == {A: 9, B: 9}


@pytest.mark.parametrize(("start", "offset"), [("latest", 7), ("earliest", 3), (1000, 7)])
def test_latest_is_the_end_when_it_was_made_if_kafka_was_away(start, offset):
    starts = make(Cluster(), start)
    starts.missed()
    assert see(starts, view(2)) == {A: offset, B: offset}


def test_a_look_that_is_missed_later_changes_nothing():
    starts = make(Cluster(), "latest")
    see(starts, view(1))
    starts.missed()
    assert see(starts, view(2)) == {B: 3}
    assert starts.offsets == {A: 9, B: 3}


def test_a_broker_that_does_not_answer_is_asked_again():
    cluster = Cluster(silent=[B])
    starts = make(cluster, 1000)
    assert see(starts, view(2)) == {A: 7}
    cluster.silent.clear()
    assert see(starts, view(2)) == {B: 7}


def test_a_partition_can_begin_again():
    starts = make(Cluster(), "latest")
    see(starts, view(1))
    starts.again(A)
    assert see(starts, view(1)) == {A: 3}
    assert starts.ends == {A: 9}


def test_a_partition_can_be_placed_before_kafka_is_asked():
    starts = make(Cluster(), "latest")
    starts.place(A, 5)
    assert see(starts, view(2)) == {B: 9}
    assert starts.offsets == {A: 5, B: 9}


def test_a_topic_that_was_created_again_begins_at_its_beginning():
    starts = make(Cluster(), "latest")
    see(starts, view(2))
    starts.anew({"g.one"})
    assert starts.offsets == starts.ends == {}
    assert see(starts, view(1)) == {A: 3}
    assert starts.ends == {}


class Ids:
    """Answers with these ids, or not."""

    def __init__(self, **ids):
        self.ids = ids
        self.is_away = False

    def topic_ids(self, topics):
        if self.is_away:
            raise KafkaUnavailable("away")
        return {topic: self.ids[topic] for topic in topics if topic in self.ids}


def test_another_id_tells_a_topic_that_was_created_again(caplog):
    cluster = Ids(one="a", two="b")
    created_again = CreatedAgain(cluster)
    assert created_again.look({"one", "two"}) == set()
    cluster.ids["one"] = "c"
    assert created_again.look({"one", "two"}) == {"one"}
    assert created_again.look({"one", "two"}) == set()
    assert "one was deleted and created again" in caplog.text


def test_a_topic_that_is_absent_for_a_while_was_not_created_again():
    cluster = Ids(one="a")
    created_again = CreatedAgain(cluster)
    assert created_again.look({"one"}) == set()
    assert created_again.look(set()) == set()
    del cluster.ids["one"]
    assert created_again.look({"one"}) == set()
    cluster.is_away = True
    assert created_again.look({"one"}) == set()
    cluster.is_away = False
    cluster.ids["one"] = "a"
    assert created_again.look({"one"}) == set()
