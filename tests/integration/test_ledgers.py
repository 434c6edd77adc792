# SPDX-License-Identifier: BSD-3-Clause
"""A consumer group and its ledger: foreign, emptied, moved, and come back with older data."""

import json
import time

import pytest

from igwn_alert_celery.worker import commit_note
from tests.integration.receiving import receiving
from tests.services.wait import wait_until


def send(deployment, *uids):
    for uid in uids:
        text = json.dumps({"uid": uid, "alert_type": "new"})
        deployment.kafka.send(deployment.topic, text, partition=0)
    deployment.kafka.flush()


@pytest.fixture
def other_url(redis_server):
    redis_server.client(redis_server.other_url).flushdb()
    return redis_server.other_url


def test_a_second_deployment_on_another_redis_is_refused(deployment, other_url, caplog):
    with receiving(deployment) as it:
        it.running().committed()
        with receiving(deployment, url=other_url) as second:
            detail = second.state("failed")
            send(deployment, "a")
            it.expect(["a"])
            assert second.uids == []
    assert deployment.group in detail
    assert "in use by another deployment" in detail
    assert "igwn_alert_consumer_group" in detail
    assert "igwn_alert_move_ledger" in detail
    assert "\n" not in detail
    assert detail in caplog.text


def test_a_deliberate_move_goes_on_at_kafkas_commit(deployment, other_url, caplog):
    with receiving(deployment) as it:
        it.running()
    send(deployment, "a")
    with receiving(deployment, url=other_url, move_ledger=True) as moved:
        moved.expect(["a"])
    assert "names another ledger" in caplog.text


def test_a_dead_deployment_s_group_may_be_taken(deployment, other_url, monkeypatch):
    with receiving(deployment) as it:
        it.running()
    monkeypatch.setattr(commit_note, "LIVE_S", 0.0)
    send(deployment, "a")
    with receiving(deployment, url=other_url) as second:
        second.expect(["a"])


def test_redis_emptied_while_it_runs(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        send(deployment, "a")
        it.expect(["a"])
        it.committed(1)
        deployment.redis.flushdb()
        send(deployment, "b")
        it.expect(["b"])
    assert "What was queued on the task broker before is gone" in caplog.text


def test_redis_emptied_while_it_runs_and_nothing_comes(deployment):
    with receiving(deployment) as it:
        it.running()
        send(deployment, "a")
        it.expect(["a"])
        it.committed(1)
        deployment.redis.flushdb()
        ledger = deployment.redis
        wait_until(lambda: ledger.exists("igwn_alert:ledger"), 60, "a new ledger")
        send(deployment, "b")
        it.expect(["b"])


def test_what_comes_after_redis_was_emptied_still_starts_at_its_beginning(deployment):
    with receiving(deployment, "superevent", "later", "cbc_*") as it:
        it.running().committed()
        deployment.redis.flushdb()
        for name in ("later", "cbc_gstlal"):
            topic = f"{deployment.group}.{name}"
            deployment.kafka.create_topic(topic, 1)
            deployment.kafka.send(topic, json.dumps({"uid": name}), partition=0)
        deployment.kafka.add_partitions(deployment.topic, 5)
        deployment.kafka.send(deployment.topic, json.dumps({"uid": "fifth"}), partition=4)
        deployment.kafka.flush()
        it.expect(["later", "cbc_gstlal", "fifth"])


def test_of_two_deployments_that_came_at_once_one_stays(deployment, other_url, monkeypatch):
    monkeypatch.setattr("igwn_alert_celery.worker.receiver.RENEW_S", 0.5)
    with receiving(deployment) as it:
        it.running()
        # Both pass the look before the start, as if the other had not committed yet.
        monkeypatch.setattr(commit_note, "LIVE_S", 0.0)
        with receiving(deployment, url=other_url) as second:
            second.running()
            wait_until(lambda: len(it.status["partitions"]) == 2, 60, "they share")
            monkeypatch.setattr(commit_note, "LIVE_S", 90.0)
            wait_until(
                lambda: "failed" in {it.status["state"], second.status["state"]}, 60, "one leaves"
            )
            one, other = (it, second) if it.status["state"] == "failed" else (second, it)
            assert "in use by another deployment" in one.status["detail"]
            wait_until(lambda: len(other.status["partitions"]) == 4, 60, "the other has all")
            before = other.redis.llen("celery")
            send(deployment, "a")
            wait_until(lambda: other.redis.llen("celery") == before + 1, 60, "and receives")


def test_redis_emptied_may_go_back_by_time(deployment, monkeypatch):
    with receiving(deployment) as it:
        it.running()
        send(deployment, "a", "b")
        it.expect(["a", "b"])
    deployment.redis.flushdb()
    monkeypatch.setattr(commit_note, "LIVE_S", 0.0)
    with receiving(deployment, rewind_s=3600) as it:
        send(deployment, "c")
        it.expect(["a", "b", "c"])
        assert [record.get("redelivered") for _, record in it.messages] == [True, True, None]


@pytest.mark.parametrize("running", [True, False])
def test_redis_come_back_with_older_data_is_rewound_to(deployment, running):
    with receiving(deployment) as it:
        it.running()
        send(deployment, "a")
        it.expect(["a"])
        snapshot = {key: deployment.redis.dump(key) for key in deployment.redis.scan_iter()}
        send(deployment, "b", "c")
        it.expect(["a", "b", "c"])
        # What may have been handled is told by the commit.
        it.committed(3)
        if running:
            restore(deployment.redis, snapshot)
            it.expect(["a", "b", "c"], timeout_s=60)
            check_marks(it)
            return
    restore(deployment.redis, snapshot)
    with receiving(deployment) as it:
        it.expect(["a", "b", "c"])
        check_marks(it)


@pytest.mark.parametrize("running", [True, False])
def test_redis_come_back_from_before_a_partition_was_claimed_is_rewound_to_the_claim(
    deployment, running
):
    topics = ("superevent", "later")
    with receiving(deployment, *topics) as it:
        it.running()
        snapshot = {key: deployment.redis.dump(key) for key in deployment.redis.scan_iter()}
        later = f"{deployment.group}.later"
        deployment.kafka.create_topic(later, 1)
        for uid in "abc":
            deployment.kafka.send(later, json.dumps({"uid": uid}))
        deployment.kafka.flush()
        it.expect(["a", "b", "c"])
        # Where the ledger began, and what may have been handled, is told by the commit.
        wait_until(lambda: offset_of(deployment, later) == 3, 60, "the commit")
        if running:
            restore(deployment.redis, snapshot)
            it.expect(["a", "b", "c"], timeout_s=60)
    if not running:
        restore(deployment.redis, snapshot)
        with receiving(deployment, *topics) as it:
            it.expect(["a", "b", "c"])
    marks = [record.get("redelivered") for _, record in it.messages]
    assert marks == [True, True, True]


def offset_of(deployment, topic):
    """Return what Kafka has as committed for the first partition of a topic."""
    return deployment.kafka.commits(deployment.group, topic).get(0, (-1, ""))[0]


def check_marks(it):
    marks = [record.get("redelivered") for _, record in it.messages]
    assert marks == [None, True, True]


def restore(client, snapshot):
    pipeline = client.pipeline(transaction=True)
    pipeline.flushdb()
    for key, value in snapshot.items():
        pipeline.restore(key, 0, value)
    pipeline.execute()


def test_two_apps_on_one_redis_do_not_meet(deployment):
    with (
        receiving(deployment) as it,
        receiving(deployment, consumer_group=f"{deployment.group}-b") as other,
    ):
        it.running()
        other.running()
        send(deployment, "a")
        it.expect(["a", "a"])


def test_commits_are_renewed_so_that_the_ledger_stays_live(deployment, monkeypatch):
    monkeypatch.setattr("igwn_alert_celery.worker.receiver.RENEW_S", 0.2)
    with receiving(deployment) as it:
        it.running()
        first = wait_until(lambda: noted_at(deployment), 60, "a first note")
        wait_until(lambda: noted_at(deployment) > first, 60, "a later note")
    assert noted_at(deployment) <= time.time()


def noted_at(deployment):
    """Return the time in the commit of partition 0; 0 while Kafka does not have that commit."""
    commits = deployment.kafka.commits(deployment.group)
    return json.loads(commits[0][1])["at"] if 0 in commits else 0


def test_receivers_with_other_handlers_are_warned_of(deployment, caplog):
    with receiving(deployment) as it:
        it.running().committed()
        with receiving(deployment, "superevent", "cbc_*") as other:
            other.running()
            assert caplog.text.count("another receiver of this consumer group") == 1
    caplog.clear()
    with receiving(deployment) as it:
        it.running()
    assert "another receiver" not in caplog.text
