# SPDX-License-Identifier: BSD-3-Clause
"""Where partitions start: first requests, Kafka's commits, and topics that come later."""

import json
import logging
import time

import pytest

from tests.integration.receiving import receiving
from tests.services.wait import wait_until


def send(deployment, topic, *uids, partition=0):
    for uid in uids:
        text = json.dumps({"uid": uid, "alert_type": "new", "data": {}, "object": {}})
        deployment.kafka.send(f"{deployment.group}.{topic}", text, partition=partition)
    deployment.kafka.flush()


@pytest.mark.parametrize(
    ("start_at", "expected"),
    [("latest", ["c"]), ("earliest", ["a", "b", "c"]), ("time", ["b", "c"])],
)
def test_a_new_group_starts_at_start_at(deployment, start_at, expected):
    send(deployment, "superevent", "a")
    between = time.time() + 0.05
    while time.time() < between:
        pass
    send(deployment, "superevent", "b")
    given = between - 0.02 if start_at == "time" else start_at
    with receiving(deployment, start_at=given) as it:
        it.running()
        send(deployment, "superevent", "c")
        it.expect(expected)


def test_the_first_position_is_committed_at_once(deployment):
    send(deployment, "superevent", "a", "b", partition=1)
    with receiving(deployment) as it:
        it.running()
    commits = deployment.kafka.commits(deployment.group)
    assert {number: offset for number, (offset, _) in commits.items()} == {0: 0, 1: 2, 2: 0, 3: 0}


def test_a_handler_added_later_to_an_old_topic_starts_at_start_at(deployment):
    deployment.kafka.create_topic(f"{deployment.group}.old", 1)
    with receiving(deployment) as it:
        it.running()
    send(deployment, "old", "before")
    with receiving(deployment, "superevent", "old") as it:
        it.running()
        send(deployment, "old", "after")
        it.expect(["after"])


@pytest.mark.parametrize("asked", ["cbc_gstlal", "cbc_*"])
def test_a_topic_created_while_the_worker_was_down_starts_at_its_beginning(deployment, asked):
    with receiving(deployment, "superevent", asked) as it:
        it.running()
    deployment.kafka.create_topic(f"{deployment.group}.cbc_gstlal", 1)
    send(deployment, "cbc_gstlal", "a", "b")
    with receiving(deployment, "superevent", asked) as it:
        it.expect(["a", "b"])


@pytest.mark.parametrize("asked", ["cbc_gstlal", "cbc_*"])
def test_a_topic_created_while_running_is_picked_up_from_its_beginning(deployment, asked):
    with receiving(deployment, "superevent", asked) as it:
        it.running()
        deployment.kafka.create_topic(f"{deployment.group}.cbc_gstlal", 1)
        send(deployment, "cbc_gstlal", "a", "b")
        it.expect(["a", "b"], timeout_s=60)
        wait_until(lambda: not it.status["missing_topics"], 60, "none is missing")


def test_only_missing_topics_are_waited_for_and_named_with_the_nearest(deployment, caplog):
    with receiving(deployment, "supervent") as it:
        it.running()
        assert it.status["missing_topics"] == ["supervent"]
        said = [record.message for record in caplog.records if record.levelno == logging.ERROR]
        assert len(said) == 1
        assert f"topic {deployment.group}.supervent does not exist" in said[0]
        assert "or your credential may not read it" in said[0]
        assert deployment.topic in said[0]
        deployment.kafka.create_topic(f"{deployment.group}.supervent", 1)
        send(deployment, "supervent", "a")
        it.expect(["a"], timeout_s=60)


def test_a_partition_added_while_running_starts_at_its_beginning(deployment):
    with receiving(deployment) as it:
        it.running()
        deployment.kafka.add_partitions(deployment.topic, 5)
        send(deployment, "superevent", "a", partition=4)
        it.expect(["a"])


def test_what_retention_removed_is_counted_and_said(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
    send(deployment, "superevent", *"abcde")
    deployment.kafka.delete_records(deployment.topic, 0, 3)
    with receiving(deployment) as it:
        it.expect(["d", "e"])
        it.counted(lost_to_retention=3)
    critical = [record.message for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(critical) == 1
    assert "offsets 0 to 2 are lost" in critical[0]


def test_retention_that_passes_a_running_receiver(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        deployment.redis.config_set("min-replicas-to-write", 1)
        try:
            send(deployment, "superevent", *"abcde")
            it.state("task_broker_away")
            deployment.kafka.delete_records(deployment.topic, 0, 3)
        finally:
            deployment.redis.config_set("min-replicas-to-write", 0)
        it.expect(["d", "e"])
        it.counted(lost_to_retention=3)


def test_an_offset_that_was_set_with_kafkas_tools_is_followed(deployment, caplog):
    send(deployment, "superevent", *"abc")
    with receiving(deployment, start_at="earliest") as it:
        it.expect(["a", "b", "c"])
    deployment.kafka.set_commit(deployment.group, deployment.topic, 0, 1)
    with receiving(deployment) as it:
        it.expect(["a", "b", "c", "b", "c"])
        assert [record.get("redelivered") for _, record in it.messages] == [None] * 5
    assert "offset was set by something else" in caplog.text
