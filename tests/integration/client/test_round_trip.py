# SPDX-License-Identifier: BSD-3-Clause
"""With the real igwn-alert 0.7.0 at the other end, in an environment of its own."""

from __future__ import annotations

import json

import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert, client
from igwn_alert_celery.kafka.client import producer_config
from igwn_alert_celery.kafka.encode import encode
from igwn_alert_celery.kafka.producer import OutgoingRecord, Producer
from igwn_alert_celery.settings import Settings
from tests.integration.client.listener import Listener
from tests.integration.client.original_process import OriginalListener, original_send
from tests.integration.client.records import read_all
from tests.integration.conftest import alert
from tests.services.wait import wait_until

ALERT = {"uid": "S1", "alert_type": "new", "data": {}, "object": {"labels": ["EM_COINC"]}}
TEXT = json.dumps(ALERT)
# What programs publish; the last three are no alerts, and go through all the same.
MESSAGES = [TEXT, ALERT, json.dumps(TEXT), [ALERT], "no JSON at all", "äöü", 17]


def test_what_our_client_sends_is_on_the_wire_what_igwn_alert_sends(
    original, kafka, group, make_client, tmp_path
):
    kafka.create_topic(f"{group}.theirs")
    kafka.create_topic(f"{group}.ours")
    original_send(original, kafka, "publish", f"{group}.theirs", MESSAGES[:3], tmp_path)
    original_send(original, kafka, "queue", f"{group}.theirs", MESSAGES[3:], tmp_path)
    ours = make_client()
    for message in MESSAGES[:3]:
        ours.publish("ours", message)
    ours.connect("ours")
    for message in MESSAGES[3:]:
        ours.publish_to_topic("ours", message)
    ours.disconnect()
    by_them, by_us = (_on_wire(kafka, f"{group}.{name}") for name in ("theirs", "ours"))
    assert len(by_them) == len(MESSAGES)
    assert by_us == by_them


def _on_wire(kafka, topic):
    records = read_all(kafka, topic)
    # hop's id is another one each time.
    return [
        (
            record.value,
            record.key,
            [(name, value) for name, value in record.headers if name != "_id"],
        )
        for record in records
    ]


def test_igwn_alert_hears_our_client_and_opens_it_as_gwcelery_does(
    original, kafka, group, make_client, tmp_path
):
    listener = OriginalListener(original, kafka, f"{group}.superevent", tmp_path).ready()
    try:
        make_client().publish("superevent", TEXT)
        (heard,) = listener.expect(1)
    finally:
        listener.stop()
    assert heard == {"topic": "superevent", "payload": TEXT, "type": "str", "alert": ALERT}


def test_our_client_hears_what_igwn_alert_sends_with_the_same_payloads(
    original, kafka, group, listening, tmp_path
):
    theirs = OriginalListener(original, kafka, f"{group}.superevent", tmp_path).ready()
    ours = listening().ready()
    try:
        original_send(original, kafka, "publish", f"{group}.superevent", MESSAGES[:4], tmp_path)
        heard = theirs.expect(4)
        ours.expect_count(4)
    finally:
        theirs.stop()
    said = [(line["topic"], line["payload"], line["type"]) for line in heard]
    same = [(topic, payload, type(payload).__name__) for topic, payload in ours.heard]
    assert sorted(map(str, same)) == sorted(map(str, said))


def test_the_position_of_a_group_that_igwn_alert_kept_is_taken_over(
    original, kafka, group, listening, tmp_path
):
    topic = f"{group}.superevent"
    theirs = OriginalListener(original, kafka, topic, tmp_path, consumer_group=group).ready()
    for number in range(6):
        kafka.send(topic, alert(number), partition=number % 2)
    kafka.flush()
    theirs.expect(6)
    # It does so every 5 s; what it was just called with when it ended might come again.
    sent = len(read_all(kafka, topic))
    wait_until(lambda: _committed(kafka, group) == sent, 60, "igwn-alert has committed")
    theirs.stop()
    missed = []
    for number in range(6, 12):
        kafka.send(topic, alert(number), partition=number % 2)
        missed.append(f"S{number}")
    kafka.flush()
    listening(consumer_group=group).expect(missed)


def _committed(kafka, consumer_group):
    return sum(offset for offset, _ in kafka.commits(consumer_group).values())


def test_igwn_alert_opens_what_the_producer_sends(original, kafka, group, tmp_path):
    topic = f"{group}.superevent"
    listener = OriginalListener(original, kafka, topic, tmp_path).ready()
    settings = Settings(server=f"kafka://{kafka.bootstrap}/")
    producer = Producer(producer_config(settings, None))
    packed = [encode(content) for content in (ALERT, TEXT, TEXT.encode(), json.dumps(TEXT))]
    records = [OutgoingRecord(topic=topic, value=v, headers=headers) for v, headers in packed]
    try:
        reports = producer.send(records, 60)
        assert [report.topic for report in reports] == [topic] * 4
        heard = listener.expect(4)
    finally:
        producer.close(5.0)
        listener.stop()
    assert [line["alert"] for line in heard] == [ALERT] * 4


def test_igwn_alert_and_our_handlers_hear_what_the_publisher_task_sends(
    original, deployment, tmp_path
):
    """The task runs in a real worker, which also listens."""
    deployment.start().listen()
    listener = OriginalListener(original, deployment.kafka, deployment.topic, tmp_path).ready()
    app = Celery(
        "elsewhere", broker=deployment.environment["FOLLOWUP_BROKER"], set_as_current=False
    )
    sending = IGWNAlert(app, group=deployment.group, noauth=True)
    try:
        sending.publish("superevent", {**ALERT, "uid": "S0"}, options={"ignore_result": True})
        (heard,) = listener.expect(1)
    finally:
        listener.stop()
    assert heard["type"] == "str"
    assert heard["alert"] == {**ALERT, "uid": "S0"}
    wait_until(lambda: "S0" in deployment.ran("first"), 60, "our handler has it")


def test_two_listeners_and_a_worker_each_see_every_alert(deployment):
    deployment.start().listen()
    server = f"kafka://{deployment.kafka.bootstrap}/"
    made = [client(server=server, group=deployment.group, noauth=True) for _ in range(2)]
    listeners = [Listener(one, "superevent").ready() for one in made]
    try:
        deployment.send(range(20))
        for listener in listeners:
            listener.expect([f"S{number}" for number in range(20)])
    finally:
        for listener in listeners:
            listener.stop()
    deployment.expect_once_each(range(20))


@pytest.mark.parametrize("action", ["publish", "queue"])
def test_our_handlers_run_for_what_igwn_alert_sends(original, deployment, tmp_path, action):
    deployment.start().listen()
    messages = [json.dumps({**ALERT, "uid": f"S{number}"}) for number in range(3)]
    original_send(original, deployment.kafka, action, deployment.topic, messages, tmp_path)
    deployment.expect_once_each(range(3))
