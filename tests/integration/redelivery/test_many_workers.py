# SPDX-License-Identifier: BSD-3-Clause
"""Most of the workers die; all of them lose Redis for longer than a heartbeat may take."""

import time

import pytest

from igwn_alert_celery.redelivery.heart import DEAD_S
from tests.services.wait import wait_until

pytestmark = pytest.mark.long


@pytest.mark.timeout(400)
def test_nineteen_of_twenty_workers_die(redelivery):
    workers = [
        redelivery.deployment.start("-P", "solo", "--no-igwn-alert", name=f"w{number}")
        for number in range(19)
    ]
    for worker in workers:
        worker.expect("ready.", 120)
    redelivery.worker("last", "-P", "threads", "-c", "8")
    uids = [f"S{number}" for number in range(150)]
    redelivery.send(*uids, do="sleep", s=1)
    wait_until(lambda: len(redelivery.counts("began")) > 30, 60, "they are at work")
    for worker in workers:
        worker.kill()
    redelivery.wait("done", uids, timeout_s=90)
    redelivery.settled()
    began = redelivery.counts("began")
    assert sum(count > 1 for count in began.values()) <= 19
    assert redelivery.redis.zcard("igwn_alert:workers") == 1


@pytest.mark.timeout(300)
def test_after_an_outage_longer_than_every_heartbeat_nobody_is_judged_dead(restarting):
    redelivery, server = restarting
    workers = [redelivery.worker(f"w{number}", "-c", "1") for number in range(2)]
    outage_s = DEAD_S + 5
    redelivery.send("LONG1", "LONG2", do="sleep", s=outage_s + DEAD_S)
    wait_until(lambda: len(redelivery.counts("began")) == 2, 60, "both run")
    server.kill()
    time.sleep(outage_s)
    server.start()
    redelivery.send("S1", "S2")
    redelivery.wait("done", ["LONG1", "LONG2", "S1", "S2"])
    client = server.client()
    wait_until(lambda: not client.hlen("igwn_alert:outstanding"), 60, "all handled")
    assert set(redelivery.counts("began").values()) == {1}
    assert not any("not been heard of" in worker.text for worker in workers)
    assert server.client().zcard("igwn_alert:workers") == 2
