# SPDX-License-Identifier: BSD-3-Clause
"""Questions to Kafka, with what confluent_kafka would answer."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as Part

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka import cluster as module
from igwn_alert_celery.kafka.cluster import Cluster, Commit
from igwn_alert_celery.record import TopicPartition

PARTITION = TopicPartition("g.one", 0)


class Consumer:
    """Answers with what it was given, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def committed(self, asked, timeout):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            raise KafkaException(KafkaError(answer))
        return answer

    def list_topics(self, timeout):
        partitions = {
            number: SimpleNamespace(leader=leader) for number, leader in enumerate([1, 1, 2])
        }
        topic = SimpleNamespace(error=None, partitions=partitions)
        return SimpleNamespace(cluster_id="cluster", topics={"g.one": topic})


@pytest.fixture(autouse=True)
def _sooner(monkeypatch):
    monkeypatch.setattr(module, "CALL_S", 0.2)
    monkeypatch.setattr(module, "_COORDINATOR_S", 0.01)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    ],
)
def test_a_coordinator_that_is_just_coming_is_waited_for(code):
    consumer = Consumer(code, code, [Part("g.one", 0, 7, "note")])
    assert Cluster(consumer, None).committed([PARTITION]) == {PARTITION: Commit(7, "note")}


def test_one_that_does_not_come_is_away():
    consumer = Consumer(KafkaError.NOT_COORDINATOR)
    with pytest.raises(KafkaUnavailable, match="reading the committed offsets"):
        Cluster(consumer, None).committed([PARTITION])


def test_whatever_else_is_wrong_is_not_waited_for():
    consumer = Consumer(KafkaError._TIMED_OUT, [Part("g.one", 0, 7)])
    with pytest.raises(KafkaUnavailable):
        Cluster(consumer, None).committed([PARTITION])


def test_each_leader_is_asked_for_the_ends_by_itself():
    asked = []

    class Admin:
        def list_offsets(self, partitions, **options):
            asked.append(sorted(part.partition for part in partitions))
            futures = {part: Future() for part in partitions}
            for part, future in futures.items():
                future.set_result(SimpleNamespace(offset=part.partition + 10))
            return futures

    cluster = Cluster(Consumer(), Admin())
    partitions = cluster.view().partitions(["g.one"])
    ends = cluster.ask_ends(partitions)
    assert sorted(asked) == [[0, 1], [2]]
    assert ends.offsets() == {tp: tp.partition + 10 for tp in partitions}
