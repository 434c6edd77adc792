# SPDX-License-Identifier: BSD-3-Clause
"""What else a worker may be doing: a long handler on its main thread, a consumer of its own."""

import pytest

from tests.services.wait import wait_until


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_lost_task_does_not_wait_for_a_busy_solo_worker(redelivery):
    busy = redelivery.deployment.start("-P", "solo", "--no-igwn-alert", name="solo")
    busy.expect("ready.")
    redelivery.worker("w1", "-c", "1", "-Q", "elsewhere")
    redelivery.send("LONG", do="sleep", s=70)
    redelivery.wait("began", ["LONG"])
    dying = redelivery.deployment
    dying.environment["REDELIVERY_DIE"] = "before unacked"
    worker = dying.start("-c", "1", "--no-igwn-alert", name="dying")
    worker.expect("ready.")
    del dying.environment["REDELIVERY_DIE"]
    redelivery.send("LOST")
    wait_until(lambda: worker.popen.poll() is not None, 60, "it dies with the task")
    redelivery.worker("w2", "-c", "1")
    redelivery.wait("done", ["LOST"])
    assert not redelivery.counts("done")["LONG"]


@pytest.mark.long
def test_a_consumer_of_the_apps_own_does_not_confuse_it(redelivery):
    redelivery.worker("w1", "-c", "1", REDELIVERY_CONSUMER="1")
    uids = [f"S{number}" for number in range(4)]
    redelivery.send(*uids, do="sleep", s=12)
    redelivery.wait("done", uids, timeout_s=90)
    assert set(redelivery.counts("began").values()) == {1}
    redelivery.settled()
