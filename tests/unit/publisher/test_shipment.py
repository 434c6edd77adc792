# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import json
import uuid

import pytest

from igwn_alert_celery.errors import SendFailed, SendRefused
from igwn_alert_celery.kafka.producer import Delivery
from igwn_alert_celery.publisher.parcel import pack
from igwn_alert_celery.publisher.shipment import Shipment
from igwn_alert_celery.settings import Settings

SETTINGS = Settings()
NAMESPACE = uuid.UUID("5b0d9f0e-5c0f-5d1c-9b2c-6a3f4f1f7a55")
ONE = pack(SETTINGS, "superevent", {"uid": "S1"}, headers={"a": "b"}, test=True)
TWO = pack(SETTINGS, ["a", "b"], {"uid": "S2"}, key="k")


def delivery(topic, offset=0):
    return Delivery(f"gracedb.{topic}", 1, offset, 1_700_000_000_000, 2.5)


def ids(records):
    return [uuid.UUID(bytes=dict(record.headers)["_id"]) for record in records.values()]


def test_the_records():
    records = Shipment("task", [ONE, TWO]).pending("gracedb.", "scimma-1")
    assert list(records) == ["0", "1", "2"]
    topics = ["gracedb.superevent", "gracedb.a", "gracedb.b"]
    assert [record.topic for record in records.values()] == topics
    assert [record.key for record in records.values()] == [None, b"k", b"k"]
    names = [name for name, _ in records["0"].headers]
    assert names == ["a", "_id", "_sender", "_test", "_format"]
    assert [name for name, _ in records["1"].headers] == ["_id", "_sender", "_format"]


def test_ids_are_different_and_the_same_again():
    first = ids(Shipment("task", [ONE, TWO]).pending("gracedb.", None))
    assert len(set(first)) == 3
    assert ids(Shipment("task", [ONE, TWO]).pending("gracedb.", None)) == first
    other = ids(Shipment("another", [ONE, TWO]).pending("gracedb.", None))
    assert not set(first) & set(other)
    assert all(found.version == 5 and found.variant == uuid.RFC_4122 for found in first)
    assert first[0] == uuid.uuid5(NAMESPACE, "task/0/superevent")


def test_a_retry_has_only_what_is_not_settled_and_the_same_ids():
    shipment = Shipment("task", [ONE, TWO])
    before = shipment.pending("gracedb.", None)
    shipment.settle("1", delivery("a"))
    progress = json.loads(json.dumps(shipment.progress))
    again = Shipment("task", [ONE, TWO], progress).pending("gracedb.", None)
    assert again == {"0": before["0"], "2": before["2"]}


def test_results_have_the_shape_of_the_topics():
    shipment = Shipment("task", [ONE, TWO])
    for number, topic in (("2", "b"), ("0", "superevent"), ("1", "a")):
        shipment.settle(number, delivery(topic, offset=int(number)))
    one, two = shipment.results()
    assert one == {
        "topic": "superevent",
        "partition": 1,
        "offset": 0,
        "timestamp_ms": 1_700_000_000_000,
        "latency_ms": 2.5,
    }
    assert [each["topic"] for each in two] == ["a", "b"]
    assert [each["offset"] for each in two] == [1, 2]


def test_what_was_not_sent_is_raised():
    shipment = Shipment("task", [ONE])
    shipment.settle("0", SendRefused("there is no topic", "gracedb.superevent", "unknown_topic"))
    with pytest.raises(SendRefused, match=r"\Athere is no topic\Z") as caught:
        shipment.results()
    assert caught.value.code == "unknown_topic"


def test_what_was_not_sent_of_several_is_counted():
    shipment = Shipment("task", [ONE, TWO])
    shipment.settle("0", delivery("superevent"))
    shipment.settle("1", SendFailed("no answer"))
    shipment.settle("2", SendRefused("no"))
    shipment = Shipment("task", [ONE, TWO], json.loads(json.dumps(shipment.progress)))
    assert shipment.pending("gracedb.", None) == {}
    with pytest.raises(SendFailed, match="2 of 3 records were not sent; the first: no answer"):
        shipment.results()
