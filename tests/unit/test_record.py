# SPDX-License-Identifier: BSD-3-Clause
import copy
import dataclasses
import json
import pickle
import time

import pytest
from msgspec import structs

from igwn_alert_celery.record import Record, RecordInfo, TopicPartition

RECORD = Record("gracedb.superevent", 3, 7, 1000, b"k", b"{}", (("a", b"1"), ("a", b"2")))
INFO = RecordInfo("superevent", 3, 7, 1000, "k", "an-id", "somebody")


def test_headers():
    assert RECORD.header("a") == b"1"
    assert RECORD.header("b") is None
    assert structs.replace(RECORD, headers=(("a", None),)).header("a") is None


@pytest.mark.parametrize("value", [b"", b"true", b"false", None])
def test_a_test_record_is_one_whatever_the_header_holds(value):
    assert structs.replace(RECORD, headers=(("_test", value),)).is_test
    assert not RECORD.is_test


def test_partitions_are_sorted_by_topic_and_number():
    parts = [TopicPartition("b", 0), TopicPartition("a", 10), TopicPartition("a", 2)]
    assert [(each.topic, each.partition) for each in sorted(parts)] == [
        ("a", 2),
        ("a", 10),
        ("b", 0),
    ]


def test_age():
    now_ms = time.time() * 1000
    assert dataclasses.replace(INFO, timestamp_ms=int(now_ms - 60_000)).age_s == pytest.approx(
        60, abs=30
    )
    assert dataclasses.replace(INFO, timestamp_ms=int(now_ms + 60_000)).age_s == 0


def test_an_alert_without_a_time_is_not_too_old():
    assert dataclasses.replace(INFO, timestamp_ms=-1).age_s == 0


def test_the_header_is_json_and_says_redelivered_only_when_it_is():
    assert json.loads(json.dumps(INFO.as_header())) == {
        "topic": "superevent",
        "partition": 3,
        "offset": 7,
        "timestamp_ms": 1000,
        "key": "k",
        "id": "an-id",
        "sender": "somebody",
    }
    again = dataclasses.replace(INFO, redelivered=True)
    assert again.as_header() == {**INFO.as_header(), "redelivered": True}
    assert RecordInfo(**again.as_header()) == again


@pytest.mark.parametrize("value", [RECORD, INFO, TopicPartition("a", 0)])
def test_they_are_values(value):
    assert pickle.loads(pickle.dumps(value)) == value
    assert hash(value) == hash(copy.copy(value))
    with pytest.raises(AttributeError):
        value.topic = "other"
