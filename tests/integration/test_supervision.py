# SPDX-License-Identifier: BSD-3-Clause
"""A receiver that fails or hangs in a real worker: named, tried again, or the worker's end."""

import json
import re
import threading

import pytest

from tests.integration.receiving import receiving
from tests.integration.test_pools import POOLS
from tests.services.wait import wait_until

STUCK_S = 8
LONG = [pytest.param(pool, marks=pytest.mark.long) for pool in POOLS[1:]]


@pytest.fixture
def troubled(deployment):
    """A deployment whose receivers fail or hang at alerts of the types ``fail`` and ``hang``."""
    deployment.module = "tests.integration.troubled"
    # A thread that a busy machine does not let run for some seconds is not stuck.
    deployment.environment |= {
        "IGWN_ALERT_STUCK_AFTER_S": f"{STUCK_S}",
        "IGWN_ALERT_TASK_BROKER_TIMEOUT_S": "4",
    }
    return deployment


def send(deployment, uid, alert_type):
    deployment.kafka.send(deployment.topic, json.dumps({"uid": uid, "alert_type": alert_type}))
    deployment.kafka.flush()


def receiver_of(deployment):
    (stats,) = deployment.stats().values()
    return stats["igwn-alert"]


def test_a_failure_is_said_counted_and_tried_again_and_nothing_is_twice(troubled):
    worker = troubled.start("-c", "1").listen()
    send(troubled, "S0", "fail")
    worker.expect("the receiver failed; it is started again")
    worker.expect("ZeroDivisionError: asked for")
    wait_until(lambda: receiver_of(troubled)["state"] == "running", 60, "it runs again")
    troubled.send(range(1, 9))
    wait_until(lambda: troubled.redis.llen("first") == 9, 60, "all are handled")
    assert sorted(troubled.ran("first")) == [f"S{number}" for number in range(9)]
    assert receiver_of(troubled)["counters"]["failures"] == 1
    assert worker.stop() == 0


@pytest.mark.parametrize("pool", [POOLS[0], *LONG])
def test_with_shutdown_a_failure_ends_the_worker_in_order(troubled, pool):
    troubled.environment["IGWN_ALERT_ON_FAILURE"] = "shutdown"
    worker = troubled.start("-P", pool, "-c", "1").listen()
    troubled.send(range(4))
    troubled.expect_once_each(range(4))
    send(troubled, "S4", "fail")
    assert worker.popen.wait(90) == 1
    assert re.search(r"CRITICAL.*the worker is shut down: the receiver failed: Zero", worker.text)
    assert "ZeroDivisionError: asked for" in worker.text
    # The task that was just enqueued is not lost: the next worker runs it.
    troubled.start("-P", pool, "-c", "1", name="w2").listen()
    wait_until(lambda: troubled.redis.llen("first") == 5, 60, "all are handled")
    assert sorted(troubled.ran("first")) == [f"S{number}" for number in range(5)]


def test_a_receiver_that_hangs_is_said_with_its_stack(troubled):
    worker = troubled.start("-c", "1").listen()
    send(troubled, "S0", "hang")
    worker.expect("time.sleep(600)")
    assert "the receiver's thread has not polled Kafka for" in worker.text
    assert "in hangs\n" in worker.text
    said = receiver_of(troubled)
    assert said["state"] == "stuck"
    assert said["stuck_s"] >= STUCK_S
    assert "in hangs, " in said["detail"]
    assert said["counters"]["stuck"] == 1
    assert worker.stop() == 0


@pytest.mark.parametrize("pool", [POOLS[0], *LONG])
def test_with_shutdown_a_receiver_that_hangs_ends_the_worker(troubled, pool):
    troubled.environment["IGWN_ALERT_ON_FAILURE"] = "shutdown"
    worker = troubled.start("-P", pool, "-c", "1").listen()
    send(troubled, "S0", "hang")
    assert worker.popen.wait(120) == 1
    assert "in hangs\n" in worker.text
    assert re.search(r"CRITICAL.*the worker is shut down: the receiver is stuck", worker.text)


def test_with_shutdown_a_configuration_that_cannot_work_refuses_to_start(troubled, tmp_path):
    troubled.environment.update(
        IGWN_ALERT_ON_FAILURE="shutdown", IGWN_ALERT_NOAUTH="false", HOME=str(tmp_path)
    )
    worker = troubled.start("-c", "1")
    assert worker.popen.wait(90) == 78
    assert "the worker does not start: no credential for 127.0.0.1" in worker.text


@pytest.mark.long
def test_one_that_hung_for_longer_than_kafka_waits_comes_back_and_nothing_is_twice(deployment):
    given = {
        "stuck_after_s": 6.0,
        "task_broker_timeout_s": 3.0,
        "kafka_options": {"max.poll.interval.ms": 12_000},
    }
    may_go_on, met = threading.Event(), []

    def waits(alert):
        if alert.uid == "b" and not met:
            met.append(alert.uid)
            may_go_on.wait(120)
        return True

    with receiving(deployment, where=waits, **given) as it:
        it.running()
        send(deployment, "a", "new")
        it.expect(["a"])
        send(deployment, "b", "new")
        it.state("stuck")
        with receiving(deployment, **given) as other:
            # The group is without the one that hangs, and the other one has all of it.
            other.expect(["a", "b"], timeout_s=60)
            may_go_on.set()
            wait_until(lambda: it.status["state"] == "running", 60, "it is back")
            wait_until(lambda: len(it.status["partitions"]) == 2, 60, "and has its share")
            send(deployment, "c", "new")
            it.expect(["a", "b", "c"])
        assert it.status["counters"]["stuck"] == 1
        assert it.status["stuck_s"] is None
