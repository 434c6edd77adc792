# SPDX-License-Identifier: BSD-3-Clause
"""Redis hangs under load: no worker ends, no handler is kept from running, nothing runs twice."""

import time

import pytest

from tests.services.wait import wait_until


@pytest.mark.timeout(400)
@pytest.mark.parametrize("pool", ["threads", pytest.param("gevent", marks=pytest.mark.long)])
def test_workers_outlive_a_redis_that_hangs(restarting, pool):
    if pool == "gevent":
        pytest.importorskip(pool)
    redelivery, server = restarting
    workers = [redelivery.worker(f"w{number}", "-P", pool, "-c", "8") for number in range(2)]
    uids = [f"S{number}" for number in range(400)]
    redelivery.send(*uids, do="sleep", s=0.1)
    wait_until(lambda: len(redelivery.counts("done")) > 50, 60, "they are at work")
    with server.suspended():
        time.sleep(12)
    redelivery.wait("done", uids, timeout_s=120)
    client = server.client()
    wait_until(lambda: not client.hlen("igwn_alert:outstanding"), 60, "all handled")
    assert set(redelivery.counts("began").values()) == {1}
    for worker in workers:
        assert worker.popen.poll() is None, worker.text[-2000:]
