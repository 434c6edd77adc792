# SPDX-License-Identifier: BSD-3-Clause
"""A worker is killed: what it held, or was just taking, runs again on another one."""

import os
import signal

import pytest

from tests.services.wait import wait_until


def known(redelivery):
    """How many workers are registered."""
    return redelivery.redis.zcard("igwn_alert:workers")


def test_what_a_killed_worker_held_runs_again_on_another(redelivery):
    first = redelivery.worker("w1", "-c", "2")
    uids = [f"S{number}" for number in range(6)]
    redelivery.send(*uids, do="sleep", s=1.5)
    redelivery.wait("began", uids[:2])
    redelivery.worker("w2", "-c", "2")
    first.kill()
    before = redelivery.counts("began")
    redelivery.run_again(uids)
    began = redelivery.counts("began")
    assert max(began.values()) <= 2
    assert {uid for uid in uids if began[uid] == 2} <= before.keys()
    redelivery.settled()
    # Those that have run before are told so.
    again = [line.split()[0] for line in redelivery.counts("redelivered") if "True" in line]
    assert set(again) >= {uid for uid in uids if began[uid] == 2}


@pytest.mark.parametrize("when", ["before unacked", "before ack"])
def test_a_worker_killed_at_the_worst_moment_loses_nothing(redelivery, when):
    redelivery.worker("w1", "-c", "1", REDELIVERY_DIE=when)
    redelivery.worker("w2", "-c", "1", REDELIVERY_DIE=when)
    uids = [f"S{number}" for number in range(20)]
    redelivery.send(*uids)
    redelivery.run_again(uids)
    assert redelivery.redis.get("died")
    twice = [uid for uid, count in redelivery.counts("done").items() if count > 1]
    assert len(twice) <= (0 if when == "before unacked" else 1)
    redelivery.settled()


def test_a_worker_that_is_started_again_gives_back_what_the_killed_one_held(redelivery):
    redelivery.worker("w1", "-c", "1").kill()
    first = redelivery.worker("w1", "-c", "1")
    redelivery.send("S1", "S2", "S3", do="sleep", s=1)
    redelivery.wait("began", ["S1"])
    first.kill()
    before = redelivery.counts("began")
    redelivery.worker("w1", "-c", "1")
    redelivery.wait("done", ["S1", "S2", "S3"])
    redelivery.settled()
    began = redelivery.counts("began")
    assert {uid for uid, count in began.items() if count > 1} <= before.keys()
    # Also one that had nothing left.
    wait_until(lambda: known(redelivery) == 1, 60, "the killed ones are forgotten")


def test_a_worker_that_was_only_slow_is_judged_dead_and_loses_nothing(redelivery):
    slow = redelivery.worker("w1", "-c", "1")
    uids = [f"S{number}" for number in range(4)]
    redelivery.send(*uids, do="sleep", s=1)
    redelivery.wait("began", uids[:1])
    os.killpg(slow.popen.pid, signal.SIGSTOP)
    redelivery.worker("w2", "-c", "1")
    redelivery.wait("done", uids)
    os.killpg(slow.popen.pid, signal.SIGCONT)
    more = [f"S{number}" for number in range(10, 14)]
    redelivery.send(*more)
    redelivery.wait("done", more)
    began = redelivery.counts("began")
    assert {uid for uid in (*uids, *more) if began[uid] > 1} <= set(uids)
    redelivery.settled()
    # It is alive again, so the other one's death would be seen to by it.
    wait_until(lambda: known(redelivery) == 2, 60, "its heart beats again")


def test_a_worker_that_ends_gives_back_what_it_has_not_begun_at_once(redelivery):
    first = redelivery.worker("w1", "-c", "1")
    uids = [f"S{number}" for number in range(4)]
    redelivery.send(*uids, do="sleep", s=1)
    redelivery.wait("began", uids[:1])
    assert first.stop() == 0
    assert known(redelivery) == 0
    assert redelivery.counts("done") == dict.fromkeys(redelivery.counts("began"), 1)
    redelivery.worker("w2", "-c", "1")
    redelivery.wait("done", uids)
    assert max(redelivery.counts("began").values()) == 1
    redelivery.settled()


def test_a_handler_longer_than_the_visibility_timeout_runs_once(redelivery):
    redelivery.worker("w1", "-c", "1")
    redelivery.worker("w2", "-c", "1")
    redelivery.send("S1", do="sleep", s=7)
    redelivery.send("S2", "S3", do="retry_once")
    redelivery.wait("done", ["S1", "S2", "S3"])
    assert redelivery.counts("began") == {"S1": 1, "S2": 2, "S3": 2}
    redelivery.settled()
