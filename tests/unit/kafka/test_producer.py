# SPDX-License-Identifier: BSD-3-Clause
"""The producer's judgement, without a broker."""

import pytest
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import SendFailed, SendRefused
from igwn_alert_celery.kafka import producer as producer_module
from igwn_alert_celery.kafka.producer import OutgoingRecord, Producer

TOPIC = "gracedb-test.superevent"
UNKNOWN = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
LOGIN = KafkaError(KafkaError._AUTHENTICATION, "no")


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(producer_module.time, "monotonic", lambda: self.now)


@pytest.fixture
def producer():
    made = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    yield made
    made.close(0.0)


def test_a_known_topic_is_doubted_for_some_seconds_whatever_the_number_of_records(
    producer, monkeypatch
):
    clock = Clock(monkeypatch)
    producer._known.add(TOPIC)
    kinds = [type(producer._refused(UNKNOWN, TOPIC)) for _ in range(10)]
    assert set(kinds) == {SendFailed}
    clock.now += 6
    assert isinstance(producer._refused(UNKNOWN, TOPIC), SendRefused)
    assert isinstance(producer._refused(UNKNOWN, TOPIC), SendRefused)


def test_an_unknown_topic_is_no_doubt(producer):
    assert isinstance(producer._refused(UNKNOWN, TOPIC), SendRefused)


def test_refusals_hours_apart_are_no_refusal_of_seconds(producer, monkeypatch):
    clock = Clock(monkeypatch)
    producer._note_error(LOGIN)
    clock.now += 3600
    producer._note_error(LOGIN)
    assert producer._refusal == ""
    for _ in range(4):
        clock.now += 1
        producer._note_error(LOGIN)
    assert "does not accept the credential" in producer._refusal


@pytest.mark.parametrize("name", ["a\ud800", "a\0b"])
def test_a_header_that_would_crash_the_client_is_refused(producer, name):
    record = OutgoingRecord(topic=TOPIC, value=b"{}", headers=((name, b"x"),))
    (report,) = producer.send([record], 1.0)
    assert isinstance(report, SendRefused)
    assert report.code == "bad_headers"
