# SPDX-License-Identifier: BSD-3-Clause
import json
from datetime import timedelta

import pytest

from igwn_alert_celery.client import reading
from igwn_alert_celery.client.reading import ReadStream
from igwn_alert_celery.errors import FatalError, KafkaRefused
from igwn_alert_celery.kafka.consumer import Problem
from igwn_alert_celery.record import Record, TopicPartition


def record(number, **more):
    value = json.dumps({"uid": number}).encode()
    return Record(**{"topic": "g.one", "partition": 0, "offset": number, "timestamp_ms": 0,
                     "key": None, "value": value, **more})  # fmt: skip


class Source:
    """Gives batches, then says that all is read."""

    def __init__(self, *batches, problems=()):
        self.batches = list(batches)
        self.problems = list(problems)
        self.missing = set()
        self.topics = {"g.one"}
        self.polled = []
        self.marked = []
        self.closed = 0

    def poll(self, timeout_s, most):
        self.polled.append((timeout_s, most))
        problems, self.problems = self.problems, []
        return (self.batches.pop(0) if self.batches else []), problems

    def done(self, found):
        self.marked.append(found.offset)

    def follow(self, pattern):
        self.topics.add(pattern)

    def at_ends(self):
        return not self.batches

    def close(self):
        self.closed += 1


def stream_of(source, **options):
    return ReadStream(source, None, **{"until_eos": True, **options})


def uids(found):
    return [payload.content["uid"] for payload in found]


def test_payloads_come_in_order_and_tests_are_left_out():
    test = record(2, headers=(("_test", b"true"),))
    source = Source([record(1), test], [record(3)])
    assert uids(stream_of(source).read()) == [1, 3]
    assert source.marked == [1, 2, 3]
    source = Source([record(1), test])
    assert uids(stream_of(source, ignoretest=False)) == [1, 2]


def test_metadata_is_hops():
    ((payload, about),) = stream_of(Source([record(1)])).read(metadata=True)
    assert payload.content == {"uid": 1}
    assert (about.topic, about.partition, about.offset, about.headers) == ("g.one", 0, 1, None)


def test_raw_is_raw():
    source = Source([record(1)])
    ((value, about),) = stream_of(source).read_raw(metadata=True)
    assert (value, about.offset, source.marked) == (b'{"uid": 1}', 1, [1])


def test_a_record_is_marked_once_the_next_is_asked_for():
    source = Source([record(1), record(2)])
    reading = stream_of(source).read()
    next(reading)
    assert source.marked == []
    next(reading)
    assert source.marked == [1]
    reading.close()
    assert source.marked == [1]


def test_whoever_marks_by_hand_decides():
    source = Source([record(1), record(2)])
    stream = stream_of(source)
    found = list(stream.read(metadata=True, autocommit=False))
    assert source.marked == []
    stream.mark_done(found[1][1], asynchronous=False)
    assert source.marked == [2]


@pytest.mark.parametrize(
    ("timeout", "asked"), [(timedelta(seconds=30), 0.1), (30, 0.1), (0.02, 0.02), (0, 0)]
)
def test_the_batch_timeout_is_an_upper_bound_and_stop_is_noticed_before(timeout, asked):
    source = Source([record(1)])
    assert uids(stream_of(source).read(batch_size=7, batch_timeout=timeout)) == [1]
    assert source.polled == [(asked, 7)]


def test_stop_ends_it_within_a_batch_and_what_was_not_handed_over_is_not_marked():
    source = Source([record(1), record(2), record(3)])
    stream = stream_of(source)
    found = []
    for payload in stream:
        found.append(payload)
        stream._consumer.stop()
    assert uids(found) == [1]
    assert source.marked == [1]
    assert stream.positions == {TopicPartition("g.one", 0): 2}


def test_closing_twice_closes_once():
    source = Source()
    with stream_of(source) as stream:
        pass
    stream.close()
    assert source.closed == 1
    assert list(stream.read()) == []


def problem(code, topic=None):
    return Problem(code, "what Kafka says", topic, None)


def test_a_problem_is_logged_once_a_minute(caplog):
    many = [problem("_ALL_BROKERS_DOWN")] * 5 + [problem("UNKNOWN_TOPIC_OR_PART", "g.one")]
    assert uids(stream_of(Source([record(1)], problems=many)).read()) == [1]
    assert [line.getMessage() for line in caplog.records] == ["Kafka: what Kafka says"]


def test_a_fatal_error_is_raised():
    with pytest.raises(FatalError, match="what Kafka says"):
        list(stream_of(Source(problems=[problem("_FATAL")])).read())


def test_a_forbidden_topic_is_told_and_all_of_them_are_raised(caplog):
    source = Source([record(1)], problems=[problem("TOPIC_AUTHORIZATION_FAILED", "g.two")])
    source.topics = {"g.one", "g.two"}
    stream = stream_of(source)
    assert uids(stream.read()) == [1]
    assert "(g.two)" in caplog.text
    source.problems = [problem("TOPIC_AUTHORIZATION_FAILED", "g.one")]
    with pytest.raises(KafkaRefused, match=r"g\.one, g\.two: ask the topic's owner"):
        list(stream.read())


def test_a_missing_topic_is_told_when_it_is_missing_and_when_it_is_there(caplog):
    source = Source([record(1)], [record(2)])
    source.missing = {"g.two"}
    reading = stream_of(source).read()
    next(reading)
    assert "g.two does not exist (yet)" in caplog.text
    source.missing = set()
    next(reading)
    assert "g.two is there now" in caplog.text


def test_beside_greenlets_it_does_not_wait_in_c(monkeypatch):
    monkeypatch.setattr(reading, "detect_environment", lambda: "gevent")
    source = Source([record(1)], [], [record(2)])
    assert uids(stream_of(source).read(batch_size=7)) == [1, 2]
    assert source.polled == [(0.0, 7)] * 3
