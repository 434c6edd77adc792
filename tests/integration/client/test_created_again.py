# SPDX-License-Identifier: BSD-3-Clause
"""A topic that is deleted and created again while somebody listens is read from its beginning."""

from __future__ import annotations

from contextlib import closing

import confluent_kafka
import pytest
from confluent_kafka import KafkaException

from igwn_alert_celery.kafka.reader import Reader
from tests.services.wait import wait_until

SAID = "was deleted and created again; reading it from its beginning"


@pytest.fixture(params=["alone", "member"])
def listener(request, listening, group):
    """Without a consumer group, and with one."""
    return listening(consumer_group=group if request.param == "member" else None).ready()


def test_a_topic_that_is_created_again_at_once_is_read_from_its_beginning(
    listener, send, kafka, group, caplog
):
    old = send(1, 2, 3, 4)
    listener.expect(old)
    kafka.delete_topic(f"{group}.superevent")
    kafka.create_topic(f"{group}.superevent", 2)
    # More than before, so that the old positions lie within the new topic.
    new = send(*range(11, 21))
    _expect_all(listener, {*old, *new})
    assert SAID in caplog.text


def test_a_topic_that_is_created_again_later_is_read_from_its_beginning(
    listener, send, kafka, group, caplog
):
    old = send(1, 2, 3, 4)
    listener.expect(old)
    kafka.delete_topic(f"{group}.superevent")
    source = listener.client._listen_stream._source
    wait_until(lambda: _has_lost_it(source), 90, "it knows that the topic is gone")
    kafka.create_topic(f"{group}.superevent", 2)
    new = send(11, 12)
    _expect_all(listener, {*old, *new})
    assert SAID in caplog.text


def test_a_restart_of_kafka_begins_nothing_anew(listener, send, kafka, committed, caplog):
    before = send(1, 2)
    listener.expect(before)
    if listener.client.consumer_group:
        committed(2)
    kafka.stop()
    kafka.start()
    listener.expect([*before, *send(3, 4)], 120)
    assert SAID not in caplog.text


def test_a_commit_of_the_deleted_topic_does_not_count(
    listening, send, kafka, group, committed, caplog
):
    listener = listening(consumer_group=group).ready()
    listener.expect(send(1, 2, 3, 4))
    listener.stop()
    committed(4)
    commits = kafka.commits(group)
    kafka.delete_topic(f"{group}.superevent")
    kafka.create_topic(f"{group}.superevent", 2)
    # As a listener does that has not noticed yet.
    wait_until(lambda: _commit(kafka, group, commits), 60, "nobody is in the group")
    new = send(*range(11, 21))
    listening(consumer_group=group).expect(new)
    assert "the group's commit is of a topic that was deleted" in caplog.text


def _commit(kafka, group, commits):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    parts = [
        confluent_kafka.TopicPartition(f"{group}.superevent", number, offset, metadata=text)
        for number, (offset, text) in commits.items()
    ]
    with closing(consumer):
        try:
            return consumer.commit(offsets=parts, asynchronous=False)
        except KafkaException:
            return None  # while there still is a member, who alone may commit


def _has_lost_it(source):
    return source.missing if isinstance(source, Reader) else not source._consumer.assigned


def _expect_all(listener, uids):
    """Wait for all; what the new topic had at an old position may come twice."""
    wait_until(lambda: set(listener.uids) >= uids or listener.raised, 90, f"{uids}")
    assert set(listener.uids) == uids
