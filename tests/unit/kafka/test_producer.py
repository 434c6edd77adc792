# SPDX-License-Identifier: BSD-3-Clause
"""The producer's judgement, without a broker."""

import pytest
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import SendFailed, SendRefused
from igwn_alert_celery.kafka import judgement as judgement_module
from igwn_alert_celery.kafka.producer import OutgoingRecord, Producer
from tests.services.wait import wait_until

TOPIC = "gracedb-test.superevent"
UNKNOWN = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
LOGIN = KafkaError(KafkaError._AUTHENTICATION, "no")


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(judgement_module.time, "monotonic", lambda: self.now)


@pytest.fixture
def producer():
    made = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    yield made
    made.close(0.0)


def test_a_known_topic_is_doubted_for_some_seconds_whatever_the_number_of_records(
    producer, monkeypatch
):
    clock = Clock(monkeypatch)
    producer._judgement._known.add(TOPIC)
    kinds = [type(producer._judgement.failed(UNKNOWN, TOPIC)) for _ in range(10)]
    assert set(kinds) == {SendFailed}
    clock.now += 6
    assert isinstance(producer._judgement.failed(UNKNOWN, TOPIC), SendRefused)
    assert isinstance(producer._judgement.failed(UNKNOWN, TOPIC), SendRefused)


def test_an_unknown_topic_is_no_doubt(producer):
    assert isinstance(producer._judgement.failed(UNKNOWN, TOPIC), SendRefused)


def test_refusals_hours_apart_are_no_refusal_of_seconds(producer, monkeypatch):
    clock = Clock(monkeypatch)
    producer._judgement.note(LOGIN)
    clock.now += 3600
    producer._judgement.note(LOGIN)
    assert producer._judgement._refusal == ""
    for _ in range(4):
        clock.now += 1
        producer._judgement.note(LOGIN)
    assert "does not accept the credential" in producer._judgement._refusal


@pytest.mark.parametrize("name", ["a\ud800", "a\0b"])
def test_a_header_that_would_crash_the_client_is_refused(producer, name):
    record = OutgoingRecord(topic=TOPIC, value=b"{}", headers=((name, b"x"),))
    (report,) = producer.send([record], 1.0)
    assert isinstance(report, SendRefused)
    assert report.code == "bad_headers"


LATE = KafkaError(KafkaError._MSG_TIMED_OUT)


def test_one_that_may_never_find_kafka_again_is_left_once_nothing_waits(producer, monkeypatch):
    assert not producer.is_broken
    producer._judgement.failed(LATE, TOPIC)
    # What librdkafka has to say waits there for a moment as well.
    wait_until(lambda: producer.is_broken, 30, "nothing waits")
    with monkeypatch.context() as patched:
        patched.setattr(producer, "_producer", [b"waits"])
        assert not producer.is_broken


def test_one_that_delivers_nothing_is_left_though_records_wait(producer, monkeypatch):
    with monkeypatch.context() as patched:
        clock = Clock(patched)
        patched.setattr(producer, "_producer", [b"waits"])
        patched.setattr(producer._judgement, "_timeout_s", 30.0)
        for _ in range(3):
            assert not producer.is_broken
            producer._judgement.failed(LATE, TOPIC)
            clock.now += 11
        assert producer.is_broken


def test_one_that_delivers_again_is_kept(producer):
    producer._judgement.failed(LATE, TOPIC)
    producer._judgement.delivered(Delivered())
    assert not producer.is_broken


class Delivered:
    """What confluent_kafka gives with a report."""

    def topic(self):
        return TOPIC

    def partition(self):
        return 0

    def offset(self):
        return 7

    def timestamp(self):
        return 1, 1_700_000_000_000

    def latency(self):
        return 0.001
