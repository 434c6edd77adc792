# SPDX-License-Identifier: BSD-3-Clause
"""What an operator sees of the receiver in a real worker: its start, its statistics, its end."""

import os
import re
import socket
from contextlib import contextmanager

import pytest

from tests.services.ports import free_port

WORKER_IS_READY = "ready."


@contextmanager
def silent_server():
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


@contextmanager
def no_server():
    """A port on which nobody listens."""
    yield free_port()


AWAY = {"refused": no_server, "hanging": silent_server}


def test_the_start_block_is_readable_also_at_celerys_default_log_level(deployment):
    deployment.send(range(3))
    worker = deployment.start("-c", "1", level="")
    worker.expect("second: super*; alert_type new\n")
    block = worker.text[worker.text.index("[igwn-alert]") :]
    assert re.match(
        r"""\[igwn-alert\]
  server          127\.0\.0\.1:\d+ \(without a credential\)
  group           test-\w+
  consumer group  test-\w+
  enqueued        exactly once
  topics
    ✓ super\*: 1 topic now, later ones too
        superevent: 4 partitions, new to this consumer group, starts at latest, last record .* ago
    ✓ superevent: 4 partitions, new to this consumer group, starts at latest, last record .* ago
  handlers
    tests\.integration\.followup\.first: superevent
    tests\.integration\.followup\.second: super\*; alert_type new
""",
        block,
    ), block


def test_the_start_block_says_how_much_waits(deployment):
    assert deployment.start("-c", "1", name="w1").listen().stop() == 0
    deployment.send(range(3))
    worker = deployment.start("-c", "1", name="w2")
    worker.expect("superevent: 4 partitions, goes on where it stopped, 3 behind, last record")


def test_inspect_stats(deployment):
    deployment.start("-c", "1").listen()
    deployment.send(range(8))
    deployment.expect_once_each(range(8))
    (stats,) = deployment.counted(8).values()
    assert stats["igwn-alert-topics"] == ["superevent"]
    said = stats["igwn-alert"]
    assert said["state"] == "running"
    assert said["counters"]["received"] == 8
    assert said["counters"]["enqueued"] == 16
    assert said["partitions"].keys() == {f"superevent[{number}]" for number in range(4)}
    assert {share["next_offset"] for share in said["partitions"].values()} == {2}
    assert said["last_alert_age_s"] < 60
    assert said["handlers"] == [
        "tests.integration.followup.first",
        "tests.integration.followup.second",
    ]


def test_a_worker_may_be_told_not_to_listen(deployment):
    worker = deployment.start("-c", "1", "--no-igwn-alert")
    worker.expect(WORKER_IS_READY)
    (stats,) = deployment.stats().values()
    assert stats["igwn-alert"]["state"] == "disabled"
    assert "receiver:" not in worker.text


@pytest.mark.parametrize(("option", "state"), [(None, "disabled"), ("--igwn-alert", "running")])
def test_only_workers_with_the_flag_listen(deployment, option, state):
    deployment.environment["IGWN_ALERT_ENABLED"] = "flag"
    worker = deployment.start("-c", "1", *([option] if option else []))
    worker.expect("receiver: running" if option else WORKER_IS_READY)
    (stats,) = deployment.stats().values()
    assert stats["igwn-alert"]["state"] == state


def test_without_a_credential_the_worker_works_and_says_what_to_do(deployment, tmp_path):
    deployment.environment.update(IGWN_ALERT_NOAUTH="false", HOME=str(tmp_path))
    worker = deployment.start("-c", "1")
    worker.expect(WORKER_IS_READY)
    assert "the receiver does not run: no credential for 127.0.0.1" in worker.text
    assert "hop auth add" in worker.text
    (stats,) = deployment.stats().values()
    assert stats["igwn-alert"]["state"] == "failed"
    assert worker.stop() == 0


def test_with_the_flag_a_configuration_error_refuses_to_start(deployment, tmp_path):
    deployment.environment.update(IGWN_ALERT_NOAUTH="false", HOME=str(tmp_path))
    worker = deployment.start("-c", "1", "--igwn-alert")
    assert worker.popen.wait(90) == os.EX_CONFIG
    assert "the worker does not start: no credential for 127.0.0.1" in worker.text
    assert "Traceback" not in worker.text


@pytest.mark.parametrize("away", AWAY)
def test_start_and_stop_while_kafka_is_away(deployment, away):
    with AWAY[away]() as port:
        deployment.environment["IGWN_ALERT_SERVER"] = f"kafka://127.0.0.1:{port}/"
        worker = deployment.start("-c", "1")
        worker.expect(WORKER_IS_READY)
        worker.expect("the receiver cannot start yet")
        (stats,) = deployment.stats().values()
        assert stats["igwn-alert"]["state"] == "starting"
        assert "listing the topics" in stats["igwn-alert"]["detail"]
        assert worker.stop() == 0


@pytest.mark.parametrize("away", AWAY)
@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_start_and_stop_while_redis_is_away(deployment, away, pool):
    with AWAY[away]() as port:
        deployment.environment["FOLLOWUP_BROKER"] = f"redis://127.0.0.1:{port}/0"
        worker = deployment.start("-c", "1", "-P", pool)
        worker.expect("the receiver cannot start yet")
        worker.stop()


def test_kafka_may_come_after_the_worker(deployment):
    deployment.kafka.stop()
    worker = deployment.start("-c", "1")
    worker.expect("the receiver cannot start yet")
    deployment.kafka.start()
    worker.listen()
    deployment.send(range(8))
    deployment.expect_once_each(range(8))
