# SPDX-License-Identifier: BSD-3-Clause
"""``kafka/reader.py`` on real Kafka."""

import re
import time
from contextlib import closing

import pytest

from igwn_alert_celery.kafka.calls import plain
from igwn_alert_celery.record import TopicPartition
from tests.integration.client.records import open_reader, read_all
from tests.services.wait import wait_until


@pytest.fixture
def topic(group):
    return f"{group}.superevent"


@pytest.fixture
def send(kafka, topic):
    def send_values(*values, to=topic, partition=None):
        for number, value in enumerate(values):
            kafka.send(to, str(value), partition=number % 2 if partition is None else partition)
        kafka.flush()

    return send_values


class Reading:
    """A reader, and what it has read so far."""

    def __init__(self, kafka, topics, start="latest"):
        self.reader = open_reader(kafka, topics, start)
        self.values = []

    def poll(self):
        self.values += [record.value.decode() for record in self.reader.poll(0.05, 3)[0]]
        return self.values

    def expect(self, *values):
        wait_until(lambda: len(self.poll()) >= len(values), 90, f"{values}: {self.values}")
        assert sorted(self.values) == sorted(map(str, values))

    def to_the_ends(self):
        wait_until(lambda: self.poll() is not None and self.reader.at_ends(), 90, "the ends")
        return self.values

    def close(self):
        self.reader.close()


def test_latest_starts_at_the_end_and_has_no_backlog(kafka, topic, send):
    send("old", "old")
    with closing(Reading(kafka, [topic])) as reading:
        assert reading.reader.backlog == 0
        assert reading.to_the_ends() == []
        send("a", "b", "c")
        reading.expect("a", "b", "c")


def test_earliest_reads_all_and_tells_the_ends(kafka, topic, send):
    send(*range(10))
    with closing(Reading(kafka, [topic], "earliest")) as reading:
        assert reading.reader.backlog == 10
        assert not reading.reader.at_ends()
        assert len(reading.to_the_ends()) == 10
        # What is sent later belongs to no backlog.
        send("later")
        assert reading.reader.at_ends()
        reading.expect(*range(10), "later")


def test_a_time_starts_at_the_first_record_from_then_on(kafka, topic, send):
    send("old", "old", "old")
    newest = max(record.timestamp_ms for record in read_all(kafka, topic))
    wait_until(lambda: time.time() * 1000 > newest + 1, 30, "the next millisecond")
    send("new", "new", "new")
    with closing(Reading(kafka, [topic], newest + 1)) as reading:
        assert reading.reader.backlog == 3
        reading.expect("new", "new", "new")


def test_a_time_to_come_starts_at_the_end(kafka, topic, send):
    send("old", "old")
    with closing(Reading(kafka, [topic], round(time.time() * 1000) + 3_600_000)) as reading:
        assert reading.to_the_ends() == []
        send("new")
        reading.expect("new")


def test_at_most_so_many_and_none_is_waited_for(kafka, topic, send):
    send(*range(10))
    with closing(open_reader(kafka, [topic], "earliest")) as reader:
        sizes = []
        while sum(sizes) < 10:
            sizes.append(len(reader.poll(30.0, 4)[0]))
        assert max(sizes) <= 4


def test_the_first_record_is_never_lost(kafka, topic, send):
    send("a")
    # Once it was, when it had come before the first poll().
    assert [len(read_all(kafka, topic)) for _ in range(30)] == [1] * 30


def test_new_topics_and_partitions_are_read_from_their_beginning(kafka, group, topic, send):
    later = f"{group}.later"
    with closing(Reading(kafka, [topic, later])) as reading:
        assert reading.reader.missing == {later}
        assert reading.reader.topics == {topic, later}
        kafka.create_topic(later, 2)
        send("a", "b", to=later)
        kafka.add_partitions(topic, 3)
        send("c", partition=2)
        reading.expect("a", "b", "c")
        assert reading.reader.missing == set()


def test_a_pattern_takes_what_matches(kafka, group, topic, send):
    kafka.create_topic(f"{group}.cbc_one", 2)
    with closing(Reading(kafka, [rf"^{group}\.cbc_.*$"], "earliest")) as reading:
        send("a", "b", to=f"{group}.cbc_one")
        send("not this")
        reading.expect("a", "b")


def test_what_retention_has_removed_is_skipped_and_said(kafka, topic, send, caplog):
    send(*range(20))
    with closing(Reading(kafka, [topic], "earliest")) as reading:
        kafka.delete_records(topic, 0, 8)
        kafka.delete_records(topic, 1, 8)
        for partition in (0, 1):
            reading.reader.go_to(TopicPartition(topic, partition), 2)
        reading.expect(16, 17, 18, 19)
        assert "Going on at the oldest record" in caplog.text


def test_a_partition_that_librdkafka_has_stopped_fetching_is_fetched_anew(
    kafka, topic, send, caplog
):
    send("a", "b")
    with closing(Reading(kafka, [topic], "earliest")) as reading:
        reading.expect("a", "b")
        parts = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
        # As after some restarts of a broker: it is assigned, and nothing comes.
        reading.reader._consumer.pause([plain(part) for part in parts])
        send("c", "d", "e")
        reading.expect("a", "b", "c", "d", "e")
        found = re.findall(r"(\d+) partitions had stopped flowing", caplog.text)
        assert sum(map(int, found)) >= 2
        send("f")
        reading.expect("a", "b", "c", "d", "e", "f")


def test_nothing_is_committed(kafka, topic, send):
    reader = open_reader(kafka, [topic], "earliest")
    name = reader._refusals._consumer_group
    send("a")
    wait_until(lambda: reader.poll(0.1, 10)[0], 90, "a record")
    reader.close()
    reader.close()
    assert kafka.commits(name) == {}
