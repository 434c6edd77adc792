# SPDX-License-Identifier: BSD-3-Clause
"""Kafka is away for a while: who listens and who publishes waits, and nothing is lost."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

from igwn_alert_celery.client import connection
from tests.services.stopwatch import Stopwatch
from tests.services.wait import wait_until

ALERT = json.dumps({"uid": "S3"})


def test_an_outage_of_kafka_leaves_no_gap_and_holds_nothing_up(
    listening, send, kafka, group, make_client, committed, monkeypatch, caplog
):
    # A slow machine may take longer to start Kafka again than publish() usually tries.
    usual = connection.settings_at
    patient = {"publish_timeout_s": 300.0}
    monkeypatch.setattr(connection, "settings_at", lambda at: replace(usual(at), **patient))
    alone, member = listening().ready(), listening(consumer_group=group).ready()
    leaving, leaving_member = listening().ready(), listening(consumer_group=f"{group}-l").ready()
    sender = make_client()
    before = send(1, 2)
    sender.publish("superevent", ALERT)
    for listener in (alone, member, leaving, leaving_member):
        listener.expect([*before, "S3"])
    committed(3)
    kafka.stop()
    late, late_member = listening(), listening(consumer_group=f"{group}-late")
    unnamed = listening(topic=None)
    # Without a group nothing is to be said to Kafka; a member tries for 5 s.
    assert _seconds(leaving.stop) < 10.0
    assert _seconds(leaving_member.stop) < 15.0
    wait_until(lambda: "cannot ask for the topics yet" in caplog.text, 90, "it waits for Kafka")
    wait_until(lambda: caplog.text.count("no answer from Kafka yet") >= 2, 90, "all wait for Kafka")
    sending = threading.Thread(target=sender.publish, args=("superevent", ALERT))
    sending.start()
    kafka.start()
    sending.join(200)
    assert not sending.is_alive()
    for listener in (late, late_member, unnamed):
        listener.ready()
    after = send(4, 5)
    for listener in (alone, member):
        listener.expect([*before, "S3", "S3", *after], 120)
    for listener in (late, late_member):
        listener.expect(["S3", *after], 120)
    # Which topics there are it learnt when Kafka was back, before or after the one being sent.
    unnamed.expect_count(2)
    assert set(after) <= set(unnamed.uids) <= {"S3", *after}


def _seconds(call):
    with Stopwatch() as watch:
        call()
    return watch.seconds
