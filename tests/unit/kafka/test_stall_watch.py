# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka import stall_watch
from igwn_alert_celery.kafka.calls import LOST_S
from igwn_alert_celery.kafka.stall_watch import AGAIN_S, ASK_S, REST_S, StallWatch
from igwn_alert_celery.record import TopicPartition

A, B = TopicPartition("g.one", 0), TopicPartition("g.one", 1)


class Ends:
    """An answer that comes when it is told to."""

    def __init__(self, ends):
        self.done = False
        self._ends = ends

    def offsets(self):
        assert self.done
        return self._ends


class Cluster:
    def __init__(self, **ends):
        self.ends = {A: ends.get("a", 0), B: ends.get("b", 0)}
        self.questions = []

    def ask_ends(self, partitions):
        self.questions.append(Ends({tp: self.ends[tp] for tp in partitions if tp in self.ends}))
        return self.questions[-1]


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(stall_watch, "time", clock)
    return clock


def round_of(watch, cluster, clock, positions, *, is_idle=True):
    """Let Kafka be asked, answer, and be given the time for the records to come."""
    clock.now += ASK_S
    asked = len(cluster.questions)
    assert watch.look(positions, is_idle=is_idle) == []
    assert len(cluster.questions) == asked + 1
    cluster.questions[-1].done = True
    assert watch.look(positions, is_idle=is_idle) == []
    clock.now += REST_S
    return watch.look(positions, is_idle=is_idle)


def test_what_kafka_had_and_has_not_come_has_stalled(clock, caplog):
    cluster = Cluster(a=9, b=5)
    assert round_of(StallWatch(cluster), cluster, clock, {A: 5, B: 5}) == [A]
    assert "g.one[0] had stopped flowing at offset 5" in caplog.text


def test_it_does_not_wait_for_the_answer(clock):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    clock.now += ASK_S
    for _ in range(10):
        assert watch.look({A: 5}, is_idle=True) == []
        clock.now += LOST_S / 11
    assert len(cluster.questions) == 1
    cluster.questions[0].done = True
    assert watch.look({A: 5}, is_idle=True) == []
    # From the answer on: what Kafka says then may have come a moment before.
    clock.now += REST_S - 0.1
    assert watch.look({A: 5}, is_idle=True) == []
    clock.now += 0.2
    assert watch.look({A: 5}, is_idle=True) == [A]


def test_a_slow_program_is_no_stall(clock):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    assert round_of(watch, cluster, clock, {A: 5}, is_idle=False) == []
    assert watch.look({A: 5}, is_idle=True) == [A]


@pytest.mark.parametrize("meanwhile", [{A: 6}, {}], ids=["it moved", "it was held back"])
def test_what_moved_or_was_held_back_for_a_moment_has_not(clock, meanwhile):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    clock.now += ASK_S
    watch.look({A: 5}, is_idle=True)
    cluster.questions[-1].done = True
    watch.look(meanwhile, is_idle=True)
    clock.now += 2 * REST_S
    assert watch.look({A: 5}, is_idle=True) == []


def test_what_begins_anew_is_given_time(clock):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    clock.now += ASK_S
    watch.look({A: 5}, is_idle=True)
    cluster.questions[-1].done = True
    watch.look({A: 5}, is_idle=True)
    clock.now += 2 * REST_S
    watch.begin_anew([A, B])
    assert watch.look({A: 5}, is_idle=True) == []
    assert round_of(watch, cluster, clock, {A: 5}) == [A]


def test_the_same_is_returned_again_after_a_minute_and_said_once(clock, caplog):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    found = [(round_of(watch, cluster, clock, {A: 5}), clock.now) for _ in range(15)]
    times = [at for stalled, at in found if stalled]
    assert len(times) == 2
    assert AGAIN_S < times[1] - times[0] <= AGAIN_S + ASK_S + REST_S
    assert caplog.text.count("had stopped flowing") == 1


def test_more_is_a_stall_of_its_own(clock, caplog):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    assert round_of(watch, cluster, clock, {A: 5}) == [A]
    cluster.ends[A] = 10
    assert round_of(watch, cluster, clock, {A: 5}) == [A]
    assert caplog.text.count("had stopped flowing") == 2


def test_who_does_not_answer_proves_nothing(clock):
    cluster = Cluster(a=9)
    del cluster.ends[A]
    watch = StallWatch(cluster)
    assert [round_of(watch, cluster, clock, {A: 5}) for _ in range(3)] == [[]] * 3


def test_a_question_that_cannot_be_asked_is_asked_later(clock, monkeypatch):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)

    def refuse(partitions):
        raise KafkaUnavailable("asking for the ends: closed")

    with monkeypatch.context() as patched:
        patched.setattr(cluster, "ask_ends", refuse)
        clock.now += ASK_S
        assert watch.look({A: 5}, is_idle=True) == []
    assert round_of(watch, cluster, clock, {A: 5}) == [A]


def test_a_question_that_is_never_answered_is_asked_again(clock):
    cluster = Cluster(a=9)
    watch = StallWatch(cluster)
    clock.now += ASK_S
    watch.look({A: 5}, is_idle=True)
    clock.now += LOST_S - 0.1
    watch.look({A: 5}, is_idle=True)
    watch.look({A: 5}, is_idle=True)
    assert len(cluster.questions) == 1
    clock.now += 0.2
    watch.look({A: 5}, is_idle=True)
    assert round_of(watch, cluster, clock, {A: 5}) == [A]
