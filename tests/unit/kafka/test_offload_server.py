# SPDX-License-Identifier: BSD-3-Clause
"""How long an answer counts; what real Kafka answers is in integration."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka import offload_server
from igwn_alert_celery.kafka.calls import kafka_errors
from igwn_alert_celery.kafka.offload_server import OffloadServer


@pytest.fixture
def world(monkeypatch):
    world = SimpleNamespace(now=1000.0, answer="https://here", asked=0)

    def ask(_server):
        world.asked += 1
        if isinstance(world.answer, Exception):
            raise world.answer
        return world.answer

    monkeypatch.setattr(OffloadServer, "_ask", ask)
    monkeypatch.setattr(offload_server, "time", SimpleNamespace(monotonic=lambda: world.now))
    return world


def test_a_server_is_remembered_for_an_hour(world):
    server = OffloadServer({})
    assert world.asked == 0
    assert [server.url() for _ in range(3)] == ["https://here"] * 3
    world.now += 3500
    assert (server.url(), world.asked) == ("https://here", 1)
    world.now += 200
    world.answer = "https://there"
    assert (server.url(), world.asked) == ("https://there", 2)


def test_no_server_is_asked_for_again_after_a_minute(world):
    world.answer, server = None, OffloadServer({})
    assert [server.url() for _ in range(3)] == [None] * 3
    world.now += 61
    world.answer = "https://here"
    assert (server.url(), world.asked) == ("https://here", 2)


def test_no_answer_is_a_warning_and_asked_for_again_after_a_minute(world, caplog):
    world.answer, server = KafkaUnavailable("away"), OffloadServer({})
    assert [server.url() for _ in range(3)] == [None] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    world.now += 61
    assert (server.url(), world.asked) == (None, 2)


def test_a_known_server_stays_known_when_kafka_is_away(world):
    server = OffloadServer({})
    server.url()
    world.now += 3700
    world.answer = KafkaUnavailable("away")
    assert [server.url() for _ in range(2)] == ["https://here"] * 2
    assert world.asked == 2


def test_whoever_sends_is_told_that_there_is_no_answer_and_may_soon_ask_again(world):
    world.answer, server = KafkaUnavailable("away"), OffloadServer({})
    for _ in range(3):
        with pytest.raises(KafkaUnavailable, match="away"):
            server.named()
    assert world.asked == 1
    world.now += 0.75
    world.answer = "https://here"
    assert (server.named(), server.url(), world.asked) == ("https://here", "https://here", 2)


def test_whoever_sends_is_told_that_no_server_is_named(world):
    world.answer, server = None, OffloadServer({})
    assert [server.named() for _ in range(3)] == [None] * 3
    assert world.asked == 1


def test_whoever_may_not_ask_is_named_no_server(world):
    with pytest.raises(KafkaUnavailable) as caught, kafka_errors("reading"):
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    world.answer, server = caught.value, OffloadServer({})
    assert [server.named() for _ in range(3)] == [None] * 3
    assert world.asked == 1


def test_whoever_sends_goes_on_with_a_known_server(world):
    server = OffloadServer({})
    server.named()
    world.now += 3700
    world.answer = KafkaUnavailable("away")
    assert [server.named() for _ in range(2)] == ["https://here"] * 2
    assert world.asked == 2
