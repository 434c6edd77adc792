# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A` about a running app: what it takes, and taking topics out."""

from __future__ import annotations

import socket

import pytest

from tests.integration.command import Command
from tests.services.wait import wait_until

APP = ("-A", "tests.integration.followup")


@pytest.fixture
def command(deployment, tmp_path):
    return Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")


def rows(command):
    done = command.run(*APP, "subscriptions")
    assert done.returncode == 0, done.stderr
    head, names, *lines = done.stdout.splitlines()
    assert names.split("\t") == ["topic", "partition", "position", "lag", "member"]
    return head, [line.split("\t") for line in lines], done.stderr


def test_topics_are_taken_out_of_all_workers_until_they_are_started_again(deployment, command):
    kafka, group = deployment.kafka, deployment.group
    kafka.create_topic(f"{group}.supernova", 1)
    workers = [deployment.start(name=name).listen() for name in ("w1", "w2")]
    deployment.send(range(8))
    deployment.expect_once_each(range(8))

    unknown = command.run(*APP, "unsubscribe", "nosuch")
    assert unknown.returncode == 1
    assert "nosuch: the app asks for super*, superevent" in unknown.stderr

    # A worker that is late to answer takes it out all the same; to ask again changes nothing.
    done = wait_until(lambda: of_both(command, "unsubscribe", "superevent"), 90, "both answer")
    assert done.returncode == 0, done.stderr
    said = sorted(done.stdout.splitlines())
    assert [line.partition("@")[0] for line in said] == ["w1", "w2"]
    # The pattern super* goes on without it.
    assert all(line.endswith(": superevent taken out; it takes supernova") for line in said)
    assert done.stderr == "This holds until the workers are started again.\n"

    deployment.send(range(8, 12))
    kafka.send(f"{group}.supernova", '{"uid": "S99", "alert_type": "new"}')
    kafka.flush()
    wait_until(lambda: "S99" in str(deployment.ran("second")), 60, "the other topic is received")
    assert sorted(deployment.ran("first")) == sorted(f"S{n}" for n in range(8))
    status = deployment.stats(2)
    for stats in status.values():
        assert stats["igwn-alert"]["unsubscribed_topics"] == ["superevent"]
        assert stats["igwn-alert"]["topics"] == ["supernova"]

    # Each of the partitions has one alert that waits. Commits, the group and answers come later.
    waiting = {**{("superevent", str(n)): "1" for n in range(4)}, ("supernova", "0"): "0"}
    head, lines, notes = wait_until(lambda: shown(command, waiting), 90, "the group at rest")
    assert f"consumer group {group} at " in head
    assert {line[4] for line in lines if line[0] == "superevent"} == {"-"}
    assert {line[4] for line in lines if line[0] == "supernova"} == {"127.0.0.1"}
    for name in ("w1", "w2"):
        assert f"{name}@" in notes
    assert "does not take superevent, until it is started again" in notes

    for worker in workers:
        assert worker.stop() == 0
    deployment.start(name="w3").listen()
    wait_until(lambda: len(deployment.ran("first")) >= 12, 90, "what has waited is received")
    assert sorted(deployment.ran("first")) == sorted(f"S{n}" for n in range(12))


def of_both(command, *arguments):
    """Run a command about the app; return what it says once that is of both workers."""
    done = command.run(*APP, *arguments)
    return done if len(done.stdout.splitlines()) == 2 else None


def shown(command, lags):
    """Return what `subscriptions` says once group, positions and workers have come to rest."""
    head, lines, notes = rows(command)
    at_rest = head.endswith(": stable, 2 members") and all(
        f"{name}@" in notes for name in ("w1", "w2")
    )
    return (
        (head, lines, notes)
        if at_rest and lags == {(line[0], line[1]): line[3] for line in lines}
        else None
    )


def test_a_receiver_that_wants_nothing_any_more_leaves_all_to_others(deployment, command):
    worker = deployment.start().listen()
    deployment.stats()
    done = command.run(*APP, "unsubscribe", "super*", "superevent")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("taken out; it takes none\n")
    wait_until(lambda: "empty, 0 members" in rows(command)[0], 90, "the group is left")
    assert deployment.stats()[f"w1@{socket.gethostname()}"]["igwn-alert"]["state"] == "running"
    assert worker.stop() == 0
    assert "Traceback" not in worker.text


def test_without_a_worker_nobody_answers(command):
    done = command.run(*APP, "unsubscribe", "superevent")
    assert done.returncode == 1
    assert done.stderr.startswith("igwn-alert: no worker has answered")


@pytest.mark.parametrize("name", ["subscriptions", "unsubscribe"])
def test_without_an_app_they_are_deprecated_in_one_line(command, name):
    done = command.run(name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("igwn-alert: this feature is deprecated: ")
    assert "-A APP" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_task_broker_that_is_away_is_told_within_seconds(deployment, command):
    command.environment["FOLLOWUP_BROKER"] = "redis://127.0.0.1:1/0"
    done = command.run(*APP, "unsubscribe", "superevent", timeout_s=60)
    assert done.returncode == 4
    assert done.stderr.startswith("igwn-alert: the task broker does not answer")
    assert done.stderr.count("\n") == 1
    # What Kafka says is shown all the same.
    assert "the workers cannot be asked" in rows(command)[2]
