# SPDX-License-Identifier: BSD-3-Clause
"""What real Kafka says about its server of large messages, and when it says nothing."""

import json
import socket
import time
import uuid

import pytest
from confluent_kafka.admin import AdminClient

from igwn_alert_celery.kafka import offload_server
from igwn_alert_celery.kafka.client import consumer_config
from igwn_alert_celery.kafka.offload_server import OffloadServer
from igwn_alert_celery.settings import Settings


def config(bootstrap, group="carol-followup"):
    return consumer_config(Settings(server=f"kafka://{bootstrap}/", noauth=True), None, group)


@pytest.fixture
def metadata(monkeypatch):
    """Name a topic of this test's own in place of ``sys.metadata``; Kafka may take its time."""
    monkeypatch.setattr(offload_server, "_LIMIT_S", 60.0)
    name = f"test-{uuid.uuid4().hex[:8]}.metadata"
    monkeypatch.setattr(offload_server, "_TOPIC", name)
    return name


def naming(url):
    return json.dumps({"LargeMessageUploadEndpoint": url})


def send(kafka, topic, *values, partition=0):
    for value in values:
        kafka.send(topic, value, partition=partition)
        kafka.flush()


def test_the_last_json_record_of_all_partitions_wins(kafka, metadata):
    kafka.create_topic(metadata, 3)
    send(kafka, metadata, *[naming(f"https://old/{n}") for n in range(150)][:150:50], partition=2)
    send(kafka, metadata, naming("https://first"), partition=1)
    send(kafka, metadata, naming("https://last"), "no json", b"\xff", None, "[1]", partition=0)
    assert OffloadServer(config(kafka.bootstrap)).url() == "https://last"


def test_only_the_end_of_a_long_topic_is_read(kafka, metadata, monkeypatch):
    read, counts = offload_server._read, []

    def count(*arguments):
        found = read(*arguments)
        counts.append(len(found))
        return found

    monkeypatch.setattr(offload_server, "_read", count)
    kafka.create_topic(metadata)
    for number in range(1000):
        kafka.send(metadata, naming(f"https://{number}"))
    kafka.flush()
    assert OffloadServer(config(kafka.bootstrap)).url() == "https://999"
    assert counts == [100]


@pytest.mark.parametrize("last", ['{"other": 1}', naming(5), naming("")])
def test_a_last_record_that_names_none_means_none(kafka, metadata, last):
    kafka.create_topic(metadata)
    send(kafka, metadata, naming("https://before"), last)
    assert OffloadServer(config(kafka.bootstrap)).url() is None


def test_an_empty_topic_and_a_missing_one_mean_none_at_once(kafka, metadata):
    began = time.monotonic()
    assert OffloadServer(config(kafka.bootstrap)).url() is None
    kafka.create_topic(metadata, 2)
    assert OffloadServer(config(kafka.bootstrap)).url() is None
    assert time.monotonic() - began < 30


def test_no_group_is_joined_and_nothing_is_committed(kafka, metadata):
    kafka.create_topic(metadata)
    send(kafka, metadata, naming("https://here"))
    group = f"carol-{uuid.uuid4().hex[:8]}"
    assert OffloadServer(config(kafka.bootstrap, group)).url() == "https://here"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    groups = admin.list_consumer_groups(request_timeout=60).result(60).valid
    assert group not in {found.group_id for found in groups}


def test_a_kafka_that_accepts_and_never_answers_costs_no_more_than_the_limit(
    monkeypatch, caplog, metadata
):
    monkeypatch.setattr(offload_server, "_LIMIT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = OffloadServer(config(f"127.0.0.1:{silent.getsockname()[1]}"))
        began = time.monotonic()
        assert server.url() is None
        assert time.monotonic() - began < 30
        assert server.url() is None  # remembered: it is not asked, and so not complained of, again
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot ask Kafka" in caplog.text


def test_a_kafka_that_is_away_costs_no_more_than_the_limit(monkeypatch, metadata):
    monkeypatch.setattr(offload_server, "_LIMIT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    began = time.monotonic()
    assert OffloadServer(config(f"127.0.0.1:{port}")).url() is None
    assert time.monotonic() - began < 30
