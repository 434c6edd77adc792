# SPDX-License-Identifier: BSD-3-Clause
"""Several workers, workers that stop and start, and workers that are killed."""

import time
from functools import partial

import pytest

from tests.integration.enqueued import enqueued, expect_enqueued_once_each
from tests.services.wait import wait_until

# No worker consumes the handlers' queue, so that it holds exactly what was enqueued.
RECEIVE_ONLY = ("-P", "solo", "-Q", "nobody")


def shares(deployment):
    """Return the partitions that each worker receives."""
    stats = deployment.stats(workers=2)
    return {name: set(said["igwn-alert"]["partitions"]) for name, said in stats.items()}


def test_a_worker_goes_on_where_it_stopped_also_before_its_first_alert(deployment):
    assert deployment.start("-P", "solo", name="w1").listen().stop() == 0
    deployment.send(range(500))
    deployment.start("-P", "solo", name="w2").listen()
    deployment.expect_once_each(range(500))


def test_two_workers_share_the_partitions(deployment):
    for name in ("w1", "w2"):
        deployment.start(*RECEIVE_ONLY, name=name).listen()
    wait_until(lambda: sorted(map(len, shares(deployment).values())) == [2, 2], 30, "two and two")
    everything = {f"superevent[{number}]" for number in range(4)}
    assert set().union(*shares(deployment).values()) == everything
    deployment.send(range(400))
    expect_enqueued_once_each(deployment.redis, 400)
    stats = deployment.stats(workers=2).values()
    assert [said["igwn-alert"]["counters"]["received"] for said in stats] == [200, 200]


def test_a_stopped_worker_hands_over_at_once(deployment):
    first = deployment.start(*RECEIVE_ONLY, name="w1").listen()
    deployment.start(*RECEIVE_ONLY, name="w2").listen()
    deployment.send(range(100))
    expect_enqueued_once_each(deployment.redis, 100)
    assert first.stop() == 0
    deployment.send(range(100, 200))
    # Far below the session time-out: it has left the group.
    expect_enqueued_once_each(deployment.redis, 200, timeout_s=5)


@pytest.mark.timeout(180)
def test_killed_workers_are_taken_over_within_ten_seconds_and_nothing_is_twice(deployment):
    names = ["w0", "w1", "w2", "w3"]
    victim = deployment.start(*RECEIVE_ONLY, name=names[0]).listen()
    for round_, name in enumerate(names[1:]):
        other = deployment.start(*RECEIVE_ONLY, name=name).listen()
        wait_until(
            lambda: sorted(map(len, shares(deployment).values())) == [2, 2], 30, "two and two"
        )
        orphans = partitions_of(deployment, names[round_])
        before = 4000 * round_
        deployment.send(range(before, before + 3000))
        wait_until(lambda n=before: deployment.redis.llen("celery") > 2 * n + 200, 30, "the middle")
        victim.kill()
        killed_at = time.monotonic()
        assert deployment.redis.llen("celery") < 2 * (before + 3000), "killed too late"
        deployment.send(range(before + 3000, before + 4000))
        after = (before + 3000) // 4
        wait_until(partial(taken_over, deployment, orphans, after), 30, "a takeover")
        assert time.monotonic() - killed_at < 10
        expect_enqueued_once_each(deployment.redis, before + 4000)
        victim = other


def partitions_of(deployment, name):
    """Return the numbers of the partitions that the worker of this name receives."""
    (mine,) = [held for node, held in shares(deployment).items() if node.startswith(f"{name}@")]
    return {int(held.partition("[")[2].rstrip("]")) for held in mine}


def taken_over(deployment, orphans, after):
    """Whether a record sent after the kill, in a partition of the dead worker, is enqueued."""
    newest = enqueued(deployment.redis, most=200)
    return any(partition in orphans and offset >= after for _, partition, offset in newest)
