# SPDX-License-Identifier: BSD-3-Clause
"""Alerts too large for Kafka, beside a service that stores them: sent by us, read back whole."""

import json
import uuid

import pytest
from hop.auth import Auth

from igwn_alert_celery.errors import SendFailed, SendRefused
from igwn_alert_celery.kafka import offload_server
from igwn_alert_celery.kafka.client import consumer_config, producer_config
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.kafka.encode import encode
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.kafka.upload import Uploader
from igwn_alert_celery.publisher.alone import Alone
from igwn_alert_celery.publisher.line import Line
from igwn_alert_celery.record import Record
from igwn_alert_celery.settings import Settings
from tests.integration.offload_http import OffloadHTTP
from tests.integration.publisher.conftest import read_all

CREDENTIAL = Auth("carol", "se3cret")
ALERT = {"uid": "S230518h", "alert_type": "update", "data": {"skymap": "QUJD" * 500_000}}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    server = OffloadHTTP("carol", "se3cret")
    yield server
    server.close()


@pytest.fixture
def name(kafka, monkeypatch):
    """A prefix with the topics ``superevent``, and one for Kafka's word on large messages."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(offload_server, "_TOPIC", f"{name}.metadata")
    for topic in (f"{name}.metadata", f"{name}.superevent"):
        kafka.create_topic(topic)
    return name


@pytest.fixture
def settings(kafka):
    return Settings(server=f"kafka://{kafka.bootstrap}/", noauth=True, publish_timeout_s=60)


@pytest.fixture
def line(settings):
    """What a process sends through; this Kafka knows no passwords, the server does."""
    reading = consumer_config(settings, None, "carol-x")
    config = producer_config(settings, None)
    producer = Producer(config)
    upload = Uploader(reading, CREDENTIAL, 60.0)
    yield Line(settings, "carol", producer, Alone(config), upload)
    producer.close(5.0)


def announce(kafka, name, url):
    kafka.send(f"{name}.metadata", json.dumps({"LargeMessageUploadEndpoint": url}))
    kafka.flush()


def large(name, **more):
    value, headers = encode(ALERT, sender="carol", test=True)
    return OutgoingRecord(
        topic=f"{name}.superevent", value=value, headers=headers, key=b"S230518h", **more
    )


def test_a_large_alert_is_stored_and_arrives_whole(kafka, name, server, settings, line):
    announce(kafka, name, f"{server.url}/")
    sent = large(name)
    (report,) = line.send([sent])
    assert isinstance(report, Delivery)
    (message,) = read_all(kafka, f"{name}.superevent")
    record = Record(
        message.topic(), 0, 0, 0, message.key(), message.value(), tuple(message.headers())
    )
    assert record.key == b"S230518h"
    assert [key for key, _ in record.headers] == ["_id", "_sender", "_test", "_format"]
    assert record.header("_format") == b"external"
    assert record.header("_id") != dict(sent.headers)["_id"]
    fetch = OffloadFetcher(
        consumer_config(settings, None, "carol-x"), CREDENTIAL, 60.0, settings.max_bytes
    )
    assert decode(record, max_bytes=settings.max_bytes, fetch=fetch).content == ALERT
    assert not any("se3cret" in str(headers) for _, headers in server.requests)


def test_the_same_record_again_has_the_same_ids(kafka, name, server, line):
    announce(kafka, name, server.url)
    record = large(name)
    line.send([record])
    line.send([record])
    first, second = read_all(kafka, f"{name}.superevent")
    assert (first.value(), first.headers()) == (second.value(), second.headers())


def test_a_service_that_stores_nothing(name, line):
    (report,) = line.send([large(name)])
    assert isinstance(report, SendRefused)
    assert report.code == "too_large"
    assert "of 2000" in str(report)
    assert "names no server of large messages" in str(report)


def test_a_server_that_refuses(kafka, name, server, settings):
    announce(kafka, name, server.url)
    reading = consumer_config(settings, None, "carol-x")
    upload = Uploader(reading, Auth("carol", "wrong"), 60.0)
    with pytest.raises(SendRefused, match="answered 401") as caught:
        upload(large(name))
    assert "wrong" not in str(caught.value)


def test_a_server_that_is_away_or_hangs(kafka, name, server, settings):
    announce(kafka, name, "http://127.0.0.1:1")
    reading = consumer_config(settings, None, "carol-x")
    with pytest.raises(SendFailed, match="did not take the record"):
        Uploader(reading, CREDENTIAL, 60.0)(large(name))


def test_the_credential_goes_to_no_plain_server_elsewhere(kafka, name, settings):
    announce(kafka, name, "http://elsewhere.example/")
    reading = consumer_config(settings, None, "carol-x")
    with pytest.raises(SendRefused, match="plain http"):
        Uploader(reading, CREDENTIAL, 60.0)(large(name))


def test_kafka_itself_refuses_what_librdkafka_lets_through(kafka, name, settings):
    config = producer_config(settings, None)
    producer = Producer({**config, "message.max.bytes": 3_000_000})
    topic = f"{name}.superevent"
    small = OutgoingRecord(topic=topic, value=b"1")
    reports = producer.send([small, large(name), small], 60.0)
    producer.close(5.0)
    assert [type(report) for report in reports] == [Delivery, SendRefused, Delivery]
    assert reports[1].code == "too_large"
