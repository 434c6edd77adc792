# SPDX-License-Identifier: BSD-3-Clause
"""Kafka stops, hangs, restarts, changes leaders: named meanwhile, nothing lost, nothing twice.

What is enqueued is in the order of offsets within each partition, over every fault.
"""

import json
from contextlib import nullcontext

import pytest

from tests.integration.conftest import _deploy
from tests.integration.receiving import receiving
from tests.services.wait import wait_until

MANY = 40


@pytest.fixture
def trio(kafka_trio, redis_server, tmp_path):
    """A deployment on a cluster of three brokers."""
    yield from _deploy(kafka_trio, redis_server.url, redis_server, tmp_path)


def send(deployment, numbers):
    for number in numbers:
        text = json.dumps({"uid": f"S{number}", "alert_type": "new"})
        deployment.kafka.send(deployment.topic, text, partition=number % 4)


def expect_in_order(it, count, timeout_s=60.0):
    """Wait for these alerts; check that each came once, in the order of its partition."""
    wait_until(lambda: it.redis.llen("celery") >= count, timeout_s, f"{count} alerts")
    places = [(record["partition"], record["offset"]) for _, record in it.messages]
    assert len(set(places)) == len(places) == count
    for partition in range(4):
        offsets = [offset for number, offset in places if number == partition]
        assert offsets == list(range(len(offsets)))


def stopped(kafka):
    kafka.stop()
    return nullcontext()


def killed(kafka):
    kafka.kill()
    return nullcontext()


def hanging(kafka):
    return kafka.suspended()


@pytest.mark.parametrize("fault", [stopped, pytest.param(killed, marks=pytest.mark.long), hanging])
def test_it_is_named_and_over_by_itself(deployment, fault, caplog):
    with receiving(deployment) as it:
        it.running()
        send(deployment, range(MANY))
        deployment.kafka.flush()
        expect_in_order(it, MANY)
        with fault(deployment.kafka):
            send(deployment, range(MANY, 2 * MANY))
            assert it.state("kafka_away")
        deployment.kafka.start()
        deployment.kafka.flush()
        expect_in_order(it, 2 * MANY)
        it.state("running")
        send(deployment, range(2 * MANY, 3 * MANY))
        deployment.kafka.flush()
        expect_in_order(it, 3 * MANY)
    assert "receiver: kafka_away" in caplog.text


def test_a_restart_in_the_middle_of_a_stream(deployment):
    with receiving(deployment) as it:
        it.running()
        send(deployment, range(2000))
        wait_until(lambda: it.redis.llen("celery") > 100, 60, "the middle")
        deployment.kafka.kill()
        send(deployment, range(2000, 4000))
        deployment.kafka.start()
        deployment.kafka.flush()
        expect_in_order(it, 4000)


def test_the_leader_of_a_partition_is_killed_in_a_cluster_of_three(trio):
    with receiving(trio) as it:
        it.running()
        send(trio, range(2000))
        wait_until(lambda: it.redis.llen("celery") > 100, 60, "the middle")
        before = trio.kafka.leader(trio.topic, 0)
        before.kill()
        send(trio, range(2000, 4000))
        trio.kafka.flush()
        # A broker that is asked may be the last to hear of it.
        wait_until(lambda: trio.kafka.leader(trio.topic, 0) is not before, 60, "another leader")
        expect_in_order(it, 4000)
        it.state("running")
        trio.kafka.start()
        send(trio, range(4000, 4040))
        trio.kafka.flush()
        expect_in_order(it, 4040)


@pytest.mark.long
@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_of_three_brokers_hangs(trio, number):
    with receiving(trio) as it:
        it.running()
        send(trio, range(MANY))
        trio.kafka.flush()
        expect_in_order(it, MANY)
        with trio.kafka.node(number).suspended():
            send(trio, range(MANY, 2 * MANY))
            trio.kafka.flush()
            expect_in_order(it, 2 * MANY)
            it.state("running")
        send(trio, range(2 * MANY, 3 * MANY))
        trio.kafka.flush()
        expect_in_order(it, 3 * MANY)
        it.state("running")
