# SPDX-License-Identifier: BSD-3-Clause
"""Redis answers, and refuses: the worker stays, loses nothing, and goes on when it may again."""

import pytest

from tests.services.wait import wait_until


def read_only(server):
    client = server.client()
    # A replica of nobody that answers.
    client.execute_command("REPLICAOF", "127.0.0.1", "1")
    return lambda: client.execute_command("REPLICAOF", "NO", "ONE")


def out_of_memory(server):
    client = server.client()
    client.config_set("maxmemory", "1")
    return lambda: client.config_set("maxmemory", "0")


def scripts_forgotten(server):
    client = server.client()
    client.script_flush()
    return lambda: None


@pytest.mark.parametrize("refuse", [read_only, out_of_memory, scripts_forgotten])
def test_a_worker_outlives_what_redis_refuses(restarting, refuse):
    redelivery, server = restarting
    worker = redelivery.worker("w1", "-c", "2")
    redelivery.send("LONG", do="sleep", s=3)
    redelivery.send("S1", "S2")
    wait_until(lambda: redelivery.counts("began")["LONG"], 60, "it runs")
    allow = refuse(server)
    redelivery.send("S3", "S4")
    if refuse is not scripts_forgotten:
        worker.expect("receiver: task_broker_away")
    allow()
    redelivery.send("S5")
    redelivery.wait("done", ["LONG", "S1", "S2", "S3", "S4", "S5"])
    assert worker.popen.poll() is None, worker.text[-2000:]
    client = server.client()
    wait_until(lambda: not client.hlen("igwn_alert:outstanding"), 60, "all handled")
    assert set(redelivery.counts("began").values()) == {1}


def test_what_is_popped_while_redis_is_full_runs_once(restarting):
    redelivery, server = restarting
    worker = redelivery.worker("w1", "-c", "1")
    # Enough for some seconds, so that some are left when it is full.
    uids = [f"S{number}" for number in range(60)]
    redelivery.send(*uids, do="sleep", s=0.2)
    wait_until(lambda: redelivery.counts("began"), 60, "they run")
    allow = out_of_memory(server)
    since = len(redelivery.counts("began"))
    worker.expect("what has become of tasks is said when it answers again")
    wait_until(lambda: len(redelivery.counts("began")) > since + 7, 60, "they run on")
    allow()
    redelivery.wait("done", uids)
    client = server.client()
    wait_until(lambda: not client.hlen("igwn_alert:outstanding"), 60, "all handled")
    assert set(redelivery.counts("began").values()) == {1}
    assert worker.popen.poll() is None
