# SPDX-License-Identifier: BSD-3-Clause
"""Redis goes away while handlers run: the worker stays, consumes again, and runs nothing twice."""

import time
from pathlib import Path

import pytest

from tests.services.stopwatch import Stopwatch
from tests.services.wait import wait_until

POOLS = ["prefork", "threads", "gevent", "eventlet"]


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_outlives_redis_and_runs_nothing_twice(restarting, pool):
    if pool in {"gevent", "eventlet"}:
        pytest.importorskip(pool)
    redelivery, server = restarting
    worker = redelivery.worker("w1", "-P", pool, "-c", "2")
    redelivery.send("LONG1", "LONG2", do="sleep", s=5)
    redelivery.send("S1", "S2", "S3", "S4")
    wait_until(lambda: len(began(redelivery)) >= 2, 60, "two run")
    server.kill()
    time.sleep(2)
    server.start()
    with Stopwatch() as watch:
        redelivery.send("S5")
        redelivery.wait("done", ["S1", "S2", "S3", "S4", "S5", "LONG1", "LONG2"])
    assert watch.seconds < 15
    assert worker.popen.poll() is None, worker.text[-2000:]
    assert set(redelivery.counts("began").values()) == {1}
    client = server.client()
    wait_until(lambda: not client.hlen("igwn_alert:outstanding"), 60, "all handled")
    assert "Unrecoverable" not in worker.text


def began(redelivery):
    return redelivery.counts("began")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_lost_connections_leave_no_sockets_behind(restarting):
    """kombu keeps those of a channel that fails while it is closed; see redelivery/channel.py."""
    redelivery, server = restarting
    worker = redelivery.worker("w1", "-c", "1")
    descriptors = Path(f"/proc/{worker.popen.pid}/fd")

    def restart(number):
        server.kill()
        server.start()
        redelivery.send(f"S{number}")
        redelivery.wait("done", [f"S{number}"])

    restart(0)
    before = len(list(descriptors.iterdir()))
    for number in range(1, 6):
        restart(number)
    wait_until(
        lambda: len(list(descriptors.iterdir())) <= before + 2, 60, f"{before} descriptors again"
    )
