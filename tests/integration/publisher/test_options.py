# SPDX-License-Identifier: BSD-3-Clause
"""What can be sent and how: one worker, and a topic for each test."""

import itertools
import json

import pytest
from celery import chain, group
from celery.exceptions import TaskRevokedError
from hop.models import Blob

from igwn_alert_celery.errors import HandlerError

ALERT = {"uid": "S1", "alert_type": "new"}
numbers = itertools.count()


@pytest.fixture
def topic(solo):
    name = f"cbc_{next(numbers)}"
    solo.kafka.create_topic(f"{solo.deployment.group}.{name}", 4)
    return name


def records(solo, topic):
    return solo.records(f"{solo.deployment.group}.{topic}")


def test_everything_that_can_be_sent_arrives(solo, topic):
    publish = solo.igwn_alert.publish
    sent = [
        publish(topic, ALERT, key=True, headers={"a": "ä", "b": b"\xff"}, test=True),
        publish(topic, json.dumps(ALERT)),
        publish(topic, json.dumps(ALERT).encode(), key="k"),
        publish(topic, [1, 2], key=b"\xff"),
        publish(topic, b"\x00\xff"),
        publish(topic, Blob(b"\x01")),
        publish(topic, {"__type__": "datetime", "__value__": 1}),
    ]
    places = [(found["partition"], found["offset"]) for found in solo.expect(sent)]
    found = {(record.partition(), record.offset()): record for record in records(solo, topic)}
    first, text, raw, several, blob, model, odd = (found[place] for place in places)
    for record in (first, text, raw):
        assert json.loads(json.loads(record.value())) == ALERT
    names = [name for name, _ in first.headers()]
    assert names == ["a", "b", "_id", "_test", "_format"]
    assert dict(first.headers()).items() >= {"a": "ä".encode(), "b": b"\xff"}.items()
    assert [record.key() for record in (first, text, raw, several)] == [b"S1", None, b"k", b"\xff"]
    assert (blob.value(), model.value()) == (b"\x00\xff", b"\x01")
    assert dict(blob.headers())["_format"] == b"blob"
    assert json.loads(json.loads(odd.value())) == {"__type__": "datetime", "__value__": 1}


def test_the_result_says_where_it_went(solo, topic):
    one = solo.igwn_alert.publish(topic, ALERT).get(timeout=90)
    assert set(one) == {"topic", "partition", "offset", "timestamp_ms", "latency_ms"}
    assert one["topic"] == topic
    (record,) = records(solo, topic)
    assert (record.partition(), record.offset()) == (one["partition"], one["offset"])
    assert record.timestamp()[1] == one["timestamp_ms"]
    (stats,) = solo.deployment.stats().values()
    assert stats["igwn-alert"]["counters"]["sent"] >= 1
    (again,) = solo.igwn_alert.publish([topic], ALERT).get(timeout=90)
    assert again["topic"] == topic


def test_order_within_one_publish_many(solo, topic):
    items = [{"topic": topic, "alert": {"n": n}, "key": "same"} for n in range(500)]
    answers = solo.igwn_alert.publish_many(items).get(timeout=90)
    assert len({answer["partition"] for answer in answers}) == 1
    offsets = [answer["offset"] for answer in answers]
    assert offsets == sorted(offsets)
    found = [json.loads(json.loads(record.value()))["n"] for record in records(solo, topic)]
    assert found == list(range(500))


def test_on_redis_the_message_is_text(solo, topic):
    solo.igwn_alert.publish(topic, ALERT, options={"queue": "nobodys"})
    (message,) = map(json.loads, solo.deployment.redis.lrange("nobodys", 0, -1))
    (parcel,) = json.loads(message["body"])[1]["parcels"]
    assert json.loads(parcel["alert"]) == ALERT


def test_many_long_alerts_and_what_celery_compresses(solo, topic):
    publish, publish_many = solo.igwn_alert.publish, solo.igwn_alert.publish_many
    alerts = [{"n": n, "text": "ä" * n * 10_000} for n in range(5)]
    sent = [publish_many([(topic, alert) for alert in alerts])]
    sent += [publish(topic, ALERT, options={"compression": name}) for name in ("zlib", "bzip2")]
    solo.expect(sent)
    found = [json.loads(json.loads(record.value())) for record in records(solo, topic)]
    assert sorted(alert["n"] for alert in found if alert in alerts) == [0, 1, 2, 3, 4]
    assert found.count(ALERT) == 2


def test_canvases(solo, topic):
    publisher = solo.igwn_alert.publisher
    sent = chain(publisher.si(topic, ALERT), publisher.s(topic, key="k", headers={"a": "b"}))()
    assert sent.get(timeout=90)["topic"] == topic
    three = group(publisher.s(topic, Blob(bytes([n]))) for n in range(3))()
    assert len(three.get(timeout=90)) == 3
    values = [record.value() for record in records(solo, topic)]
    assert sorted(value for value in values if len(value) == 1) == [b"\x00", b"\x01", b"\x02"]
    (keyed,) = (record for record in records(solo, topic) if record.key())
    # What the first one answered is the alert of the second.
    assert json.loads(json.loads(keyed.value()))["topic"] == topic


def test_a_chain_that_hands_on_what_is_no_alert(solo, topic):
    publisher = solo.igwn_alert.publisher
    sent = chain(publisher.si(topic, ALERT), publisher.s("super*"))()
    with pytest.raises(HandlerError, match="is a pattern"):
        sent.get(timeout=90)
    assert sent.parent.successful()


def test_a_send_that_comes_too_late_is_not_sent(solo, topic):
    # Redis keeps it in its queue longer than this.
    result = solo.igwn_alert.publish(topic, ALERT, options={"expires": 1e-6})
    with pytest.raises(TaskRevokedError):
        result.get(timeout=90)
    assert records(solo, topic) == []
