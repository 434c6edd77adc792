# SPDX-License-Identifier: BSD-3-Clause
"""RabbitMQ as task broker: confirmed, at least once, nothing lost."""

import json

import pytest


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_every_alert_runs(amqp_deployment, pool):
    deployment = amqp_deployment
    worker = deployment.start("-P", pool, "-c", "2").listen()
    assert "enqueued        at least once" in worker.text
    deployment.send(range(1000))
    deployment.expect_once_each(range(1000))
    assert worker.stop() == 0


def test_a_worker_goes_on_where_it_stopped(amqp_deployment):
    deployment = amqp_deployment
    assert deployment.start("-P", "solo", name="w1").listen().stop() == 0
    deployment.send(range(500))
    deployment.start("-P", "solo", name="w2").listen()
    deployment.expect_once_each(range(500))


def test_a_killed_worker_loses_nothing(amqp_deployment):
    deployment = amqp_deployment
    victim = deployment.start("-P", "solo", name="w1").listen()
    deployment.start("-P", "solo", name="w2").listen()
    deployment.send(range(400))
    victim.kill()
    deployment.send(range(400, 800))
    deployment.expect_at_least_once_each(range(800))


def test_rabbitmq_restarted_while_alerts_come(amqp_deployment, rabbitmq):
    deployment = amqp_deployment
    worker = deployment.start("-P", "solo").listen()
    deployment.send(range(100))
    rabbitmq.stop()
    deployment.send(range(100, 200))
    worker.expect("receiver: task_broker_away")
    rabbitmq.start()
    deployment.send(range(200, 300))
    deployment.expect_at_least_once_each(range(300))
    # Not with each of its many tries; a node that has just started may fail one more.
    assert worker.text.count("receiver: task_broker_away") <= 2


def test_poison_is_kept_beside_the_task_broker(amqp_deployment, tmp_path):
    deployment = amqp_deployment
    worker = deployment.start("-P", "solo").listen()
    deployment.kafka.send(deployment.topic, b"no json", partition=0)
    deployment.send(range(4))
    deployment.expect_once_each(range(4))
    worker.expect("is kept as a dead letter: not_json")
    (stats,) = deployment.counted(5).values()
    assert json.loads(json.dumps(stats))["igwn-alert"]["counters"]["dead_letters"] == 1
