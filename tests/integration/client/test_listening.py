# SPDX-License-Identifier: BSD-3-Clause
"""The client listens on real Kafka."""

from __future__ import annotations

import json
import re
import threading
from types import SimpleNamespace

import pytest
from adc.errors import KafkaException

from igwn_alert_celery.kafka.calls import plain
from tests.integration.conftest import alert
from tests.services.stopwatch import Stopwatch
from tests.services.wait import wait_until

FATAL = KafkaException(
    SimpleNamespace(
        name=lambda: "_FATAL", str=lambda: "text", retriable=lambda: False, fatal=lambda: True
    )
)


def test_every_client_without_a_consumer_group_hears_every_alert(listening, send):
    send(1)
    two = [listening().ready(), listening().ready()]
    sent = send(*range(2, 12))
    for listener in two:
        listener.expect(sent)
        assert {topic for topic, _ in listener.heard} == {"superevent"}


def test_nothing_is_committed_without_a_consumer_group(
    listening, send, kafka, make_client, monkeypatch
):
    monkeypatch.setenv("IGWN_ALERT_CONSUMER_GROUP", "of-the-app")
    listener = listening().ready()
    listener.expect(send(1, 2))
    listener.stop()
    assert listener.client.consumer_group is None
    assert kafka.commits("of-the-app") == {}


def test_stop_is_noticed_at_once_and_twice_does_no_harm(listening):
    listener = listening(batch_timeout=30).ready()
    with Stopwatch() as watch:
        listener.stop()
    assert watch.seconds < 10
    listener.stop()
    assert listener.raised is None


def test_a_callback_can_stop_it(listening, send):
    listener = listening(callback=lambda topic, payload: listener.client.stop(), batch_size=10)
    listener.ready()
    send(1)
    listener.wait()
    listener.expect(["S1"])


def test_what_the_callback_raises_ends_it(listening, send):
    def fail(topic, payload):
        raise ZeroDivisionError

    listener = listening(callback=fail).ready()
    send(1)
    assert isinstance(listener.wait(), ZeroDivisionError)


def test_after_a_fatal_error_it_goes_on_where_it_was(listening, send):
    def fail_once(topic, payload):
        if "S2" in payload and not failed:
            failed.append(payload)
            missed.extend(send(4, 5))
            raise FATAL

    failed, missed = [], []
    listener = listening(callback=fail_once, retry_on_fatal=True, batch_size=10).ready()
    send(1, 2, 3)
    # What the callback has failed with was handed over, once.
    listener.expect(["S1", "S3", "S4", "S5"])


def test_members_of_a_consumer_group_share_the_alerts(listening, send, group):
    first = listening(consumer_group=group).ready()
    second = listening(consumer_group=group).ready()
    wait_until(lambda: _count(first) == _count(second) == 1, 90, "one partition each")
    sent = send(*range(20))
    wait_until(lambda: len(first.heard) + len(second.heard) >= 20, 90, "all are heard")
    assert sorted(first.uids + second.uids) == sorted(sent)
    assert len(first.heard) == len(second.heard) == 10


def _count(listener):
    return len(listener.client._listen_stream._source.positions)


def test_a_consumer_group_goes_on_where_it_stopped(listening, send, group, committed):
    listener = listening(consumer_group=group).ready()
    listener.expect(send(1, 2))
    listener.stop()
    committed(2)
    missed = send(3, 4, 5)
    listening(consumer_group=group).expect(missed)


def test_what_was_sent_after_the_first_start_is_not_missed(listening, send, group, committed):
    listening(consumer_group=group).ready().stop()
    committed(0)
    missed = send(1, 2)
    listening(consumer_group=group).expect(missed)


def test_an_alert_whose_callback_raised_is_not_committed(listening, send, group, committed):
    def fail(topic, payload):
        if json.loads(json.loads(payload)["uid"][1:]) == 4:
            raise ZeroDivisionError

    listener = listening(consumer_group=group, callback=fail, batch_size=10).ready()
    send(2, 4, 6)
    assert isinstance(listener.wait(), ZeroDivisionError)
    listener.expect(["S2"])
    committed(1)
    listening(consumer_group=group).expect(["S4", "S6"])


def test_a_member_whose_partitions_have_stopped_flowing_goes_on(listening, send, group, caplog):
    def stall_after_two(topic, payload):
        count.append(payload)
        if len(count) == 2:
            # As librdkafka does, rarely, when a broker is restarted. On the consumer's own thread.
            consumer = listener.client._listen_stream._source._consumer
            consumer._consumer.pause([plain(partition) for partition in consumer.assigned])

    count = []
    listener = listening(consumer_group=group, callback=stall_after_two).ready()
    listener.expect(send(1, 2))
    listener.expect(["S1", "S2", *send(3, 4)])
    found = re.findall(r"(\d+) partitions had stopped flowing", caplog.text)
    assert sum(map(int, found)) >= 2


def test_no_topic_means_all_of_the_group_and_later_ones_too(listening, send, kafka, group):
    kafka.create_topic(f"{group}-other.superevent")
    kafka.create_topic(f"{group}.cbc.dotted", 2)
    listener = listening(topic=None).ready()
    send(1, 2)
    send(3, topic="cbc.dotted")
    kafka.create_topic(f"{group}.later", 2)
    send(4, topic="later")
    kafka.send(f"{group}-other.superevent", alert(9))
    kafka.flush()
    listener.expect(["S1", "S2", "S3", "S4"])
    assert ("cbc.dotted", "S3") in zip([t for t, _ in listener.heard], listener.uids, strict=True)


def test_a_topic_that_does_not_exist_yet_is_waited_for(listening, send, kafka, group):
    listener = listening(topic=["later", "superevent"]).ready()
    send(1)
    kafka.create_topic(f"{group}.later", 2)
    send(2, topic="later")
    listener.expect(["S1", "S2"])


@pytest.mark.long
def test_a_callback_that_takes_longer_than_a_session_keeps_its_place(
    listening, send, group, committed
):
    """Its heartbeats go on, so the alert is committed and does not come again."""
    goes_on = threading.Event()
    listener = listening(consumer_group=group, callback=lambda *_: goes_on.wait(60)).ready()
    sent = send(2, 4)
    stream = listener.client._listen_stream
    wait_until(lambda: stream._handed_over, 60, "the callback runs")
    goes_on.wait(7.0)
    goes_on.set()
    listener.expect(sent)
    listener.stop()
    committed(2)
