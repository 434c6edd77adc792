# SPDX-License-Identifier: BSD-3-Clause
"""A message too large for Kafka: sent by hop's own producer, found and read by us."""

import json
import uuid

import confluent_kafka
import pytest
from hop.auth import Auth
from hop.io import Producer

from igwn_alert_celery.kafka import offload_server
from igwn_alert_celery.kafka.client import consumer_config
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.record import Record
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.pipeline import record_info
from tests.integration.offload_http import OffloadHTTP
from tests.services.wait import wait_until

CREDENTIAL = Auth("carol", "se3cret")
ALERT = {"uid": "S230518h", "alert_type": "update", "data": {"skymap": "QUJD" * 500_000}}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    server = OffloadHTTP("carol", "se3cret")
    yield server
    server.close()


@pytest.fixture
def topic(kafka, server, monkeypatch):
    """A topic for alerts, on a Kafka service whose metadata name the server."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(offload_server, "_TOPIC", f"{name}.metadata")
    for topic in (f"{name}.metadata", f"{name}.superevent"):
        kafka.create_topic(topic)
    kafka.send(f"{name}.metadata", json.dumps({"LargeMessageUploadEndpoint": server.url}))
    kafka.flush()
    return f"{name}.superevent"


def send(kafka, topic, server, alert):
    producer = Producer([kafka.bootstrap], [topic], None)
    # This Kafka knows no passwords, the server does.
    producer.auth, producer.offload_url = CREDENTIAL, server.url
    producer.write(json.dumps(alert), key="S230518h")
    assert producer.close() == 0


def receive(kafka, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "any"})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    # What comes first may be an error that passes.
    message = wait_until(lambda: good(consumer.poll(0.5)), 60, "the message")
    consumer.close()
    return Record(
        topic,
        0,
        0,
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(message.headers()),
    )


def good(message):
    return message if message is not None and message.error() is None else None


def test_a_message_too_large_for_kafka_arrives_as_the_alert_that_it_was(kafka, topic, server):
    send(kafka, topic, server, ALERT)
    record = receive(kafka, topic)
    assert record.header("_format") == b"external"
    assert len(record.value) < 200
    settings = Settings(server=f"kafka://{kafka.bootstrap}/", noauth=True)
    config = consumer_config(settings, None, "carol-followup")
    fetch = OffloadFetcher(config, CREDENTIAL, 60.0, settings.max_bytes)
    decoded = decode(record, max_bytes=settings.max_bytes, fetch=fetch)
    assert decoded.content == json.loads(decoded.json) == ALERT
    info = record_info(record, "superevent", redelivered=False, original=decoded.original)
    # As hop-client has it: the key and the id of what was sent, not those of what stands for it.
    assert info.key == "S230518h"
    assert info.id not in (None, str(uuid.UUID(bytes=record.header("_id"))))
    assert any(path.startswith("/msg/") for path, _ in server.requests)
