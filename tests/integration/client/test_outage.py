# SPDX-License-Identifier: BSD-3-Clause
"""Kafka is away for a while: who listens and who publishes waits, and nothing is lost."""

from __future__ import annotations

import json
import threading
import time

from tests.services.wait import wait_until

ALERT = json.dumps({"uid": "S3"})


def test_an_outage_of_kafka_leaves_no_gap_and_holds_nothing_up(
    listening, send, kafka, group, make_client, caplog
):
    alone, member = listening().ready(), listening(consumer_group=group).ready()
    leaving, leaving_member = listening().ready(), listening(consumer_group="leaving").ready()
    sender = make_client()
    before = send(1, 2)
    sender.publish("superevent", ALERT)
    for listener in (alone, member, leaving, leaving_member):
        listener.expect([*before, "S3"])
    kafka.stop()
    late, late_member = listening(), listening(consumer_group=f"{group}-late")
    unnamed = listening(topic=None)
    assert _seconds(leaving.stop) < 3.0
    assert _seconds(leaving_member.stop) < 8.0
    wait_until(lambda: "cannot ask for the topics yet" in caplog.text, 30, "it waits for Kafka")
    wait_until(lambda: caplog.text.count("no answer from Kafka yet") >= 2, 30, "all wait for Kafka")
    sending = threading.Thread(target=sender.publish, args=("superevent", ALERT))
    sending.start()
    kafka.start()
    sending.join(60)
    assert not sending.is_alive()
    for listener in (late, late_member, unnamed):
        listener.ready()
    after = send(4, 5)
    for listener in (alone, member):
        listener.expect([*before, "S3", "S3", *after], 60)
    for listener in (late, late_member):
        listener.expect(["S3", *after], 60)
    # Which topics there are it learnt when Kafka was back, before or after the one being sent.
    unnamed.expect_count(2)
    assert set(after) <= set(unnamed.uids) <= {"S3", *after}


def _seconds(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began
