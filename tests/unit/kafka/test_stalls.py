# SPDX-License-Identifier: BSD-3-Clause
from igwn_alert_celery.kafka.stalls import Stalls
from igwn_alert_celery.record import TopicPartition

A, B = TopicPartition("g.one", 0), TopicPartition("g.one", 1)


class Cluster:
    def __init__(self, **highs):
        self.highs = {A: highs.get("a", 0), B: highs.get("b", 0)}
        self.asked = []

    def watermarks(self, partitions):
        self.asked.append(sorted(partitions))
        return {tp: (0, self.highs[tp]) for tp in partitions}


def look(stalls, positions):
    stalls.note_empty()
    return stalls.look(positions)


def test_what_has_not_come_since_the_last_look_has_stalled():
    stalls = Stalls(Cluster(a=9, b=5))
    positions = {A: 5, B: 5}
    assert look(stalls, positions) == []
    assert look(stalls, positions) == []
    assert look(stalls, positions) == [A]


def test_what_moves_has_not_and_is_not_asked_about():
    cluster = Cluster(a=9, b=9)
    stalls = Stalls(cluster)
    for at in range(5, 9):
        assert look(stalls, {A: at, B: 9}) == []
    assert cluster.asked == [[B]] * 3


def test_a_slow_program_is_no_stall():
    stalls = Stalls(Cluster(a=9))
    for _ in range(4):
        # Every poll has found something, so more may wait behind it.
        assert stalls.look({A: 5}) == []


def test_the_same_is_told_once():
    cluster = Cluster(a=9)
    stalls = Stalls(cluster)
    found = [look(stalls, {A: 5}) for _ in range(6)]
    assert found == [[], [], [A], [], [], []]
    cluster.highs[A] = 10
    assert [look(stalls, {A: 5}) for _ in range(3)] == [[], [A], []]


def test_a_broker_that_does_not_answer_proves_nothing(monkeypatch):
    cluster = Cluster(a=9)
    monkeypatch.setattr(cluster, "watermarks", lambda partitions: {})
    stalls = Stalls(cluster)
    assert [look(stalls, {A: 5}) for _ in range(4)] == [[]] * 4
