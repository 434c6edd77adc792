# SPDX-License-Identifier: BSD-3-Clause
"""A consumer that is connected and takes nothing any more is noticed, and connects anew."""

import pytest


@pytest.mark.parametrize("pool", ["prefork", pytest.param("gevent", marks=pytest.mark.long)])
def test_a_worker_that_no_longer_consumes_recovers(redelivery, pool):
    if pool == "gevent":
        pytest.importorskip(pool)
    worker = redelivery.worker("w1", "-P", pool, "-c", "2", REDELIVERY_DEAF="1")
    redelivery.send("S1")
    redelivery.wait("done", ["S1"])
    redelivery.redis.set("deaf", 1)
    redelivery.send("S2", "S3")
    redelivery.wait("done", ["S1", "S2", "S3"])
    assert "has not asked for tasks" in worker.text
    assert set(redelivery.counts("began").values()) == {1}
    assert worker.popen.poll() is None
