# SPDX-License-Identifier: BSD-3-Clause
"""The client publishes to real Kafka."""

import json
import threading
from datetime import timedelta

import pytest

from igwn_alert_celery.errors import SendFailed, SendRefused
from tests.integration.client.records import read_all

ALERT = {"uid": "S1"}
TEXT = json.dumps(ALERT)


def test_publish_returns_when_kafka_has_it(make_client, kafka, group):
    make_client().publish("superevent", TEXT)
    (record,) = read_all(kafka, f"{group}.superevent")
    assert record.value == json.dumps(TEXT).encode()


def test_several_topics_get_it_at_once(make_client, kafka, group):
    kafka.create_topic(f"{group}.cbc.dotted")
    make_client().publish(["superevent", "cbc.dotted"], ALERT)
    for topic in ("superevent", "cbc.dotted"):
        (record,) = read_all(kafka, f"{group}.{topic}")
        assert json.loads(record.value) == ALERT


def test_one_producer_serves_many_calls_and_threads(make_client, kafka, group):
    client = make_client()

    def publish():
        for _ in range(20):
            client.publish("superevent", TEXT)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert len(read_all(kafka, f"{group}.superevent")) == 80
    assert len(client._connections._ways) == 1


def test_sessions_queue_and_flush_waits(make_client, kafka, group):
    client = make_client()
    client.connect("superevent")
    for number in range(100):
        client.publish_to_topic("superevent", json.dumps({"uid": number}))
    client.flush_by_topic("superevent")
    records = read_all(kafka, f"{group}.superevent")
    assert sorted(json.loads(json.loads(r.value))["uid"] for r in records) == list(range(100))
    client.disconnect("superevent")
    assert client.sessions == {}


def test_a_topic_that_does_not_exist_is_told_by_publish_flush_and_disconnect(make_client):
    client = make_client()
    with pytest.raises(SendRefused, match="there is no topic"):
        client.publish(["superevent", "missing"], TEXT)
    client.connect(["superevent", "missing"])
    for end in (lambda: client.flush_by_topic("missing"), client.disconnect):
        client.publish_to_topic("missing", TEXT)
        with pytest.raises(SendRefused, match="there is no topic"):
            end()


def test_what_is_too_large_is_told(make_client):
    with pytest.raises(SendRefused) as caught:
        make_client().publish("superevent", "x" * 2_000_000)
    assert caught.value.code == "too_large"


def test_a_time_limit_is_kept(make_client, kafka):
    client = make_client(server="kafka://127.0.0.1:1/")
    with client.open("kafka://127.0.0.1:1/g.one", "w") as stream:
        stream.write(TEXT)
        with pytest.raises(SendFailed, match=r"within 0\.2 s"):
            stream.flush(timedelta(seconds=0.2))
        # Nothing is to be waited for when this ends.
        stream._waiting.clear()
    stream._way.producer.close(0.0)


def test_topics_are_those_of_exactly_this_group(make_client, kafka, group):
    kafka.create_topic(f"{group}.cbc.dotted")
    kafka.create_topic(f"{group}-other.superevent")
    kafka.create_topic(f"other-{group}.superevent")
    client = make_client()
    assert client.get_topics() == ["cbc.dotted", "superevent"]
    assert client.get_topics(f"{group}-other") == ["superevent"]
    assert client.get_topics("nobody") == []
