# SPDX-License-Identifier: BSD-3-Clause
import logging

import pytest
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import KafkaRefused
from igwn_alert_celery.kafka.consumer import Problem
from igwn_alert_celery.kafka.refusals import Refusals
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import TopicPartition
from igwn_alert_celery.worker.problems import Problems


class Consumer:
    def __init__(self):
        self.refusals = Refusals({"bootstrap.servers": "kafka:9092", "group.id": "bobs"})
        self.paused = []

    def pause(self, partitions):
        self.paused += partitions


@pytest.fixture
def consumer():
    return Consumer()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def problems(consumer, metrics):
    return Problems(consumer, metrics)


@pytest.mark.parametrize("code", ["UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED"])
def test_what_the_watch_on_topics_says_is_not_said_twice(problems, metrics, caplog, code):
    caplog.set_level(logging.INFO)
    problems.take([Problem(code, "a text", "gracedb.superevent", 0)])
    assert caplog.text == ""
    assert metrics.counters["kafka_problems"] == 0


def test_a_position_that_kafka_has_no_more_is_looked_for_again(problems, consumer, metrics):
    problems.take([Problem("_AUTO_OFFSET_RESET", "out of range", "gracedb.superevent", 3)])
    assert consumer.paused == [TopicPartition("gracedb.superevent", 3)]
    assert metrics.counters["kafka_problems"] == 1


def test_a_group_that_lets_us_in_no_more_ends_the_receiver(problems, consumer, caplog):
    consumer.refusals.note(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
    with pytest.raises(KafkaRefused, match="consumer group 'bobs'"):
        problems.take([Problem("GROUP_AUTHORIZATION_FAILED", "not authorized", None, None)])


def test_other_problems_are_said_and_counted(problems, metrics, caplog):
    problems.take([Problem("_TRANSPORT", "broker gone", None, None)])
    assert "broker gone" in caplog.text
    assert metrics.counters["kafka_problems"] == 1
