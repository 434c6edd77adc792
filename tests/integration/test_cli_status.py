# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A status`: what the receivers of running workers say."""

from __future__ import annotations

import json
import socket

import pytest

from tests.integration.command import Command
from tests.services.wait import wait_until

APP = ("-A", "tests.integration.followup")
W1 = f"w1@{socket.gethostname()}"


@pytest.fixture
def command(deployment, tmp_path):
    found = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    yield found
    found.close()


def test_a_running_worker_and_one_that_does_not_listen(deployment, command):
    deployment.environment["IGWN_ALERT_TOPICS"] = command.environment["IGWN_ALERT_TOPICS"] = (
        "nosuch"
    )
    other = deployment.start("-P", "threads", "--no-igwn-alert", name="w2")
    deployment.start("-P", "threads").listen()
    other.expect("ready")
    deployment.kafka.send(deployment.topic, b"no json", partition=0)
    deployment.send(range(8))
    deployment.expect_once_each(range(8))
    deployment.counted(9, workers=2)

    # A worker that is late to answer is asked again.
    done = wait_until(lambda: of_both(command, "--json"), 90, "both answer")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said.keys() == {"app", "workers", "dead_letters"}
    assert said["app"] == "followup"
    assert said["dead_letters"]["count"] == 1
    assert said["dead_letters"]["bytes"] > 100
    assert said["dead_letters"]["error"] is None
    w2 = f"w2@{socket.gethostname()}"
    assert said["workers"].keys() == {W1, w2}
    assert said["workers"][w2]["state"] == "disabled"
    mine = said["workers"][W1]
    assert mine.keys() == deployment.stats(2)[W1]["igwn-alert"].keys()
    assert (mine["state"], mine["not_running_s"], mine["dead_letters"]) == ("running", None, 1)
    assert (mine["topics"], mine["missing_topics"]) == (["superevent"], ["nosuch"])
    assert mine["partitions"].keys() == {f"superevent[{n}]" for n in range(4)}

    done = wait_until(lambda: of_both(command), 90, "both answer")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == f"{W1} running"
    assert "topics superevent" in lines
    assert "missing nosuch" in lines
    assert "enqueued exactly once" in lines
    assert f"consumer group {deployment.group}" in lines
    assert f"server {deployment.kafka.bootstrap} without a credential" in lines
    assert "partition superevent[0] next offset 3 lag 0" in lines
    assert "counters dead_letters 1, enqueued 16, received 9" in "\n".join(lines)
    assert f"{w2} disabled" in lines
    assert lines[-1].startswith("dead letters: 1 (")

    running = command.start(*APP, "status", "--timeout", "5", tty=True)
    running.expect("dead letters: 1")
    assert running.popen.wait(60) == 0


def of_both(command, *options):
    """Run `status`; return what it says once that is of both workers."""
    done = command.run(*APP, "status", *options)
    return done if all(f"{name}@" in done.stdout for name in ("w1", "w2")) else None


def test_without_a_worker_it_says_what_to_do(command):
    done = command.run(*APP, "status", "--timeout", "0.5")
    assert done.returncode == 1
    assert done.stdout == "dead letters: 0 (0 bytes)\n"
    assert "no worker of the app 'followup' has answered: start one" in done.stderr
    done = command.run(*APP, "status", "--timeout", "0.5", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["workers"] == {}


def test_a_task_broker_that_is_away_is_told_within_seconds(command):
    command.environment["FOLLOWUP_BROKER"] = "redis://127.0.0.1:1/0"
    done = command.run(*APP, "status", timeout_s=60)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("igwn-alert: the task broker does not answer")
    assert done.stderr.count("\n") == 1


def test_without_an_app_it_is_wrong_usage(command):
    done = command.run("status")
    assert (done.returncode, done.stdout) == (2, "")
    assert "igwn-alert -A APP status" in done.stderr


def test_dead_letters_that_cannot_be_counted_are_said(deployment, command):
    deployment.start("-P", "threads").listen()
    deployment.redis.set("igwn_alert:dead_letters", "no hash")
    deployment.stats()
    done = command.run(*APP, "status", "--timeout", "10")
    assert done.returncode == 4
    assert f"{W1}  running" in done.stdout
    assert "dead letters cannot be counted: Redis: WRONGTYPE" in done.stderr
