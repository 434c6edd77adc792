# SPDX-License-Identifier: BSD-3-Clause
"""Sends that Kafka refuses or does not acknowledge, and workers that die."""

import json
import os
import signal
import threading

import pytest

from igwn_alert_celery.errors import SendFailed, SendRefused
from tests.integration.publisher.conftest import dead_letters, record_id
from tests.services.wait import wait_until

ALERT = {"uid": "S1", "alert_type": "new"}


def a_child(sending):
    """Return the pid of a process of the worker's pool."""
    (stats,) = sending.deployment.stats().values()
    return stats["pool"]["processes"][0]


def kills_a_child(sending):
    try:
        os.kill(a_child(sending), signal.SIGKILL)
    except ProcessLookupError:
        return False  # it was killed before, and the worker has not noticed yet
    return True


def test_what_is_refused_fails_at_once_and_becomes_a_dead_letter(sending):
    worker = sending.worker("-P", "solo")
    publish = sending.igwn_alert.publish
    unknown = publish(["superevent", "nonesuch"], ALERT, headers={"a": "b"}, key=True)
    large = publish("superevent", {"uid": "S2", "map": "x" * 1_100_000})
    with pytest.raises(SendRefused, match=r"1 of 2 records.*there is no topic .*nonesuch"):
        unknown.get(timeout=90)
    with pytest.raises(SendRefused, match="does not take so large a record"):
        large.get(timeout=90)
    letters = {letter.reason: letter for letter in dead_letters(sending, 2)}
    assert sorted(letters) == ["too_large", "unknown_topic"]
    letter = letters["unknown_topic"]
    assert letter.topic == f"{sending.deployment.group}.nonesuch"
    assert (letter.key, letter.handler) == (b"S1", "igwn_alert.publish")
    assert json.loads(json.loads(letter.value)) == ALERT
    headers = dict(letter.headers)
    assert headers["a"] == b"b"
    assert headers["_format"] == b"json"
    # The other topic has it; only what was refused is in the dead letter.
    (record,) = sending.records()
    assert json.loads(json.loads(record.value())) == ALERT
    assert record_id(record).bytes != headers["_id"]
    assert "Traceback" not in worker.text


def test_a_retry_is_scheduled_and_sends_when_kafka_is_back(sending, kafka):
    sending.worker("-P", "threads", "-c", "2", IGWN_ALERT_PUBLISH_TIMEOUT_S="5")
    sending.igwn_alert.publish("superevent", ALERT).get(timeout=90)
    kafka.stop()
    result = sending.igwn_alert.publish(["superevent"], ALERT)

    def scheduled():
        found = sending.app.control.inspect(timeout=1.0).scheduled() or {}
        return [item["request"]["id"] for items in found.values() for item in items]

    wait_until(lambda: scheduled() == [result.id], 90, "the retry is scheduled")
    # The task is sent again before its state is kept.
    wait_until(lambda: result.state == "RETRY", 60, "the state is kept")
    kafka.start()
    (answer,) = result.get(timeout=120)
    assert answer["topic"] == "superevent"
    # What Kafka has acknowledged too late is there twice, with the same id.
    assert len({record_id(record) for record in sending.records()}) == 2


@pytest.mark.long
def test_a_send_that_is_never_acknowledged_is_kept(sending, kafka):
    settings = {"IGWN_ALERT_PUBLISH_TIMEOUT_S": "5", "IGWN_ALERT_PUBLISH_RETRIES": "1"}
    worker = sending.worker("-P", "threads", "-c", "2", **settings)
    sending.igwn_alert.publish("superevent", ALERT).get(timeout=90)
    kafka.stop()
    result = sending.igwn_alert.publish_many([("superevent", ALERT), ("superevent", [1])])
    with pytest.raises(SendFailed, match=r"2 of 2 records.*Message timed out; last error: "):
        result.get(timeout=120)
    letters = dead_letters(sending, 2)
    assert {letter.reason for letter in letters} == {"send_failed"}
    assert result.state == "FAILURE"
    assert worker.text.count("Retry in") == 1
    # One that fails for good holds nobody up.
    kafka.start()
    sending.igwn_alert.publish("superevent", ALERT).get(timeout=90)
    assert sending.count() == 2


@pytest.mark.long
def test_pool_processes_are_killed_in_the_middle(sending):
    sending.worker("-P", "prefork", "-c", "4")
    for number in range(1000):
        sending.igwn_alert.publish("superevent", {"uid": f"S{number}"})
    for many in (200, 400, 600):
        wait_until(lambda most=many: sending.count() >= most, 120, "the middle")
        wait_until(lambda: kills_a_child(sending), 60, "a process is killed")
    expect_none_missing(sending, 1000)


def test_a_worker_is_killed_in_the_middle(amqp_sending):
    sending, killed, ordered = amqp_sending, threading.Event(), []

    def order():
        # As long as it lives, so that it dies at work whenever that is, and then some more.
        while len(ordered) < 400 or not killed.is_set():
            sending.igwn_alert.publish("superevent", {"uid": f"S{len(ordered)}"})
            ordered.append(killed.is_set())

    first = sending.worker("-P", "prefork", "-c", "4")
    ordering = threading.Thread(target=order)
    ordering.start()
    try:
        wait_until(lambda: sending.count() >= 100, 120, "the middle")
        first.kill()
    finally:
        killed.set()
        ordering.join()
    order()
    sending.igwn_alert.publish("superevent", {"uid": f"S{len(ordered)}"})
    total = len(ordered) + 1
    assert sending.count() < total, "killed too late"
    sending.worker("-P", "prefork", "-c", "4", name="w2")
    expect_none_missing(sending, total)


def expect_none_missing(sending, total):
    """Wait until each alert is there; what is there twice has the same id."""

    def uids():
        return {json.loads(json.loads(each.value()))["uid"] for each in sending.records()}

    wait_until(lambda: sending.count() >= total, 180, f"{total} records")
    wait_until(lambda: len(uids()) == total, 180, f"{total} alerts")
    assert len({record_id(record) for record in sending.records()}) == total
