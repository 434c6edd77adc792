# SPDX-License-Identifier: BSD-3-Clause
"""A partition that librdkafka silently fetches no more is noticed and read on, in order."""

import json

import confluent_kafka
import pytest

from igwn_alert_celery.kafka import stall_watch
from tests.integration.receiving import receiving
from tests.services.wait import wait_until

REST_S = 5.0


@pytest.fixture(autouse=True)
def _sooner(monkeypatch):
    monkeypatch.setattr(stall_watch, "ASK_S", 0.5)
    # Long enough for a busy machine, on which what flows may be late.
    monkeypatch.setattr(stall_watch, "REST_S", REST_S)


def send(deployment, partition, *uids):
    for uid in uids:
        deployment.kafka.send(deployment.topic, json.dumps({"uid": uid}), partition=partition)
    deployment.kafka.flush()


def stall(it, deployment, partition):
    """Let librdkafka fetch a partition no more, behind the receiver's back."""
    consumer = it._supervisor._receiver._consumer._consumer
    consumer.pause([confluent_kafka.TopicPartition(deployment.topic, partition)])


def test_it_flows_again_without_a_gap(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        send(deployment, 1, "a")
        it.expect(["a"])
        stall(it, deployment, 1)
        send(deployment, 1, "b", "c")
        send(deployment, 0, "x")
        wait_until(lambda: "x" in it.uids, 60, "another partition flows meanwhile")
        it.expect(["a", "b", "c", "x"], timeout_s=60)
        assert [uid for uid in it.uids if uid != "x"] == ["a", "b", "c"]
        it.counted(stalled_partitions=1)
        send(deployment, 1, "d")
        it.expect(["a", "b", "c", "d", "x"])
    assert f"{deployment.topic}[1] had stopped flowing at offset 1" in caplog.text


def test_one_that_is_held_back_by_us_has_not_stalled(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        deployment.redis.set("celery", "no list")
        send(deployment, 1, "a", "b")
        it.state("task_broker_away")
        retries = it.counter("retries")  # counted after the state is set
        # One a second at most: longer than a partition may rest.
        more = retries + REST_S + 3
        wait_until(lambda: it.counter("retries") > more, 60, "further tries")
        deployment.redis.delete("celery")
        it.expect(["a", "b"])
        assert "stalled_partitions" not in it.status["counters"]
    assert "had stopped flowing" not in caplog.text
