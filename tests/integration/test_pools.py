# SPDX-License-Identifier: BSD-3-Clause
"""Alerts through real Kafka into real workers, in every pool: counted in, and counted out."""

import pytest

POOLS = ["prefork", "solo", "threads", "gevent", "eventlet"]


@pytest.mark.parametrize("pool", POOLS)
def test_a_thousand_alerts_run_once_in_each_handler(deployment, pool):
    worker = deployment.start("-P", pool, "-c", "2").listen()
    deployment.send(range(1000))
    deployment.expect_once_each(range(1000))
    assert worker.stop() == 0


# billiard replaces its children about once a second, so a thousand alerts take four minutes.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_children_that_come_and_go_with_the_receiver_running(deployment, count):
    worker = deployment.start("--max-tasks-per-child=1", "--autoscale=4,1").listen()
    deployment.send(range(count))
    deployment.expect_once_each(range(count), timeout_s=300)
    assert worker.stop() == 0


def test_beat_beside_the_receiver(deployment):
    worker = deployment.start("-B", "-c", "1").listen()
    deployment.send(range(20))
    deployment.expect_once_each(range(20))
    assert worker.stop() == 0
