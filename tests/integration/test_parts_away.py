# SPDX-License-Identifier: BSD-3-Clause
"""A part of Kafka or of Redis that does not work must not stop the rest, nor flood the log."""

import json

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.cluster import Cluster
from tests.integration.receiving import receiving
from tests.services.wait import wait_until


def send(deployment, partition, *uids):
    for uid in uids:
        deployment.kafka.send(deployment.topic, json.dumps({"uid": uid}), partition=partition)
    deployment.kafka.flush()


def test_a_partition_that_does_not_answer_stops_no_other_one(deployment, monkeypatch):
    silent = {1}
    ask = Cluster._offsets_of_one

    def answer(cluster, partitions, timestamp_ms):
        heard = [tp for tp in partitions if tp.partition not in silent]
        if not heard:
            raise KafkaUnavailable("timed out")
        return ask(cluster, heard, timestamp_ms)

    with receiving(deployment) as it:
        it.running()
    monkeypatch.setattr(Cluster, "_offsets_of_one", answer)
    monkeypatch.setattr("igwn_alert_celery.worker.newcomers.SILENT_S", 0.1)
    monkeypatch.setattr("igwn_alert_celery.worker.receiver.LOOK_S", 0.3)
    with receiving(deployment) as it:
        it.state("running")
        wait_until(lambda: len(it.status["partitions"]) == 3, 60, "three partitions flow")
        send(deployment, 1, "late")
        for number in range(10):
            send(deployment, 0, f"S{number}")
            it.expect([f"S{n}" for n in range(number + 1)], timeout_s=60)
        it.state("running")
        silent.clear()
        wait_until(lambda: len(it.status["partitions"]) == 4, 60, "the fourth as well")
        it.expect([*(f"S{n}" for n in range(10)), "late"])


def test_a_topic_that_is_silent_at_the_first_start_is_waited_for(deployment, monkeypatch):
    def answer(cluster, partitions, timestamp_ms):
        raise KafkaUnavailable("timed out")

    with monkeypatch.context() as patched:
        patched.setattr(Cluster, "_offsets_of_one", answer)
        with receiving(deployment) as it:
            wait_until(lambda: "do not answer" in it.status["detail"], 60, "it says so")
    with receiving(deployment) as it:
        it.running()
        send(deployment, 0, "a")
        it.expect(["a"])


def test_a_queue_that_refuses_is_said_once_until_it_takes_again(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        deployment.redis.set("celery", "no list")
        send(deployment, 0, "a")
        it.state("task_broker_away")
        retries = it.counter("retries")
        wait_until(lambda: it.counter("retries") > retries + 3, 60, "further tries")
        assert it.status["state"] == "task_broker_away"
        deployment.redis.delete("celery")
        it.expect(["a"])
        it.state("running")
    assert caplog.text.count("receiver: task_broker_away") == 1


def test_what_was_enqueued_is_committed_before_redis_is_waited_for(deployment, monkeypatch):
    with receiving(deployment) as it:
        it.running()
        it.committed()
        # It would do so later, when nothing comes.
        monkeypatch.setattr("igwn_alert_celery.worker.receiver.SOON_S", 60.0)
        monkeypatch.setattr("igwn_alert_celery.worker.receiver.TIDY_S", 1000.0)
        send(deployment, 0, "a")
        it.expect(["a"])
        send(deployment, 1, "b")
        it.expect(["a", "b"])
        deployment.redis.set("celery", "no list")
        send(deployment, 2, "c")
        it.state("task_broker_away")
        it.committed(2)


def test_a_time_after_the_last_record_of_a_partition_that_fell_silent(deployment, monkeypatch):
    with receiving(deployment) as it:
        it.running()
    ask = Cluster._offsets_of_one

    def answer(cluster, partitions, timestamp_ms):
        if timestamp_ms == -1:
            raise KafkaUnavailable("timed out")
        return ask(cluster, partitions, timestamp_ms)

    monkeypatch.setattr(Cluster, "_offsets_of_one", answer)
    found = {}

    class Asking(Cluster):
        def view(self):
            seen = super().view()
            partitions = seen.partitions([deployment.topic])
            found.update(self.offsets_at(partitions, 4_000_000_000_000))
            found["asked"] = len(partitions)
            return seen

    monkeypatch.setattr("igwn_alert_celery.kafka.handles.Cluster", Asking)
    with receiving(deployment):
        wait_until(lambda: "asked" in found, 60, "it has asked")
    assert found == {"asked": 4}
