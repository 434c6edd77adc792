# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert listen` on real Kafka, as people use it."""

from __future__ import annotations

import json
import signal
import time
import uuid

import pytest

from tests.integration.command import Command, commanding
from tests.services.ports import free_port
from tests.services.wait import wait_until


@pytest.fixture
def group(kafka):
    name = f"listen-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(f"{name}.superevent", 2)
    return name


@pytest.fixture
def command(kafka, group, tmp_path):
    with commanding(kafka, group, tmp_path) as found:
        yield found


@pytest.fixture
def send(kafka, group):
    def send_(*uids, topic="superevent", partition=None, headers=(("_format", b"json"),)):
        for number, uid in enumerate(uids):
            value = json.dumps(json.dumps({"uid": uid, "alert_type": "new"}))
            where = number % 2 if partition is None else partition
            kafka.send(f"{group}.{topic}", value, headers=headers, partition=where)
        kafka.flush()

    return send_


def uids(lines):
    return sorted(json.loads(line)["uid"] for line in lines.splitlines())


def test_a_pipe_that_is_closed_after_the_first_line_ends_it_cleanly(command, send):
    send("S1")
    line = "igwn-alert listen --since 10m --json | head -1; echo ${PIPESTATUS[*]}"
    done = command.shell(line)
    assert done.stdout == '{"uid": "S1", "alert_type": "new"}\n141 0\n'
    assert done.stderr == ""


def test_two_terminals_and_a_running_worker_each_see_every_alert(deployment, tmp_path):
    # The worker's own group is in its environment, and is not joined.
    command = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    deployment.start().listen()
    terminals = [
        command.start("listen", "superevent", tty=True),
        command.start("-A", "tests.integration.followup", "listen", tty=True),
    ]
    try:
        for terminal in terminals:
            terminal.expect("ctrl-C ends it")
        wait_until(lambda: _heard(deployment, terminals), 90, "both terminals hear the first alert")
        deployment.send(range(20))
        for terminal in terminals:
            wait_until(
                lambda t=terminal: all(f"  S{n}  " in t.text for n in range(20)), 60, "20 alerts"
            )
        assert [terminal.end() for terminal in terminals] == [130, 130]
    finally:
        command.close()
    for terminal in terminals:
        assert "Traceback" not in terminal.text
        assert "Aborted" not in terminal.text
    wait_until(lambda: {f"S{n}" for n in range(20)} <= set(deployment.ran("first")), 90, "handled")


def _heard(deployment, terminals):
    deployment.send(range(99, 100))
    return all("  S99  " in terminal.text for terminal in terminals)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_word(command, send, signum, code):
    send("S1")
    listening = command.start("listen", "--since", "10m")
    listening.expect('{"uid": "S1", "alert_type": "new"}\n')
    assert listening.end(signum) == code
    assert listening.popen.stderr.read() == b""


def test_in_a_pipe_the_lines_are_igwn_alerts(command, send, group):
    send("S1")
    done = command.run("listen", "--since", "10m", "--count", "1")
    assert done.returncode == 0
    assert done.stdout == (
        f'New message from topic {group}.superevent:\n{{"uid": "S1", "alert_type": "new"}}\n'
    )
    done = command.run("-j", "listen", "--since", "10m", "--count", "1")
    assert done.stdout.partition("\n")[2] == ('{\n    "uid": "S1",\n    "alert_type": "new"\n}\n')


def test_what_came_before_is_read_and_nothing_is_committed(command, send, kafka):
    send(*(f"S{n}" for n in range(30)))
    for _ in range(2):
        done = command.run("listen", "--from-beginning", "--until", "+1s", "--json")
        assert done.returncode == 0
        assert uids(done.stdout) == sorted(f"S{n}" for n in range(30))
        assert done.stderr == ""


def test_a_time_in_the_past_ends_it(command, send):
    send("S1")
    moment = time.time()
    wait_until(lambda: time.time() > moment + 0.05)
    send("S2")
    past = command.run("listen", "--since", "10m", "--until", f"{moment + 0.02:.3f}", "--json")
    assert (past.returncode, uids(past.stdout)) == (0, ["S1"])
    after = command.run("listen", "--since", f"{moment + 0.02:.3f}", "--count", "1", "--record")
    found = json.loads(after.stdout)
    assert found["alert"]["uid"] == "S2"
    assert found["record"]["topic"] == "superevent"
    assert (found["record"]["partition"], found["record"]["offset"]) == (0, 1)


def test_on_a_terminal_a_bar_shows_how_far_it_is(command, send):
    send(*(f"S{n}" for n in range(10)))
    listening = command.start("listen", "--from-beginning", tty=True)
    listening.expect("catching up")
    listening.expect("10/10")
    listening.expect("  S9  ")
    assert listening.end() == 130


def test_topics_that_come_later_are_picked_up(command, send, kafka, group):
    listening = command.start("listen", "later", "cbc_*", "--json")
    # Both, so that the listener has begun before there is any of them.
    for name in ("later", "cbc_*"):
        said = listening.popen.stderr.readline().decode()
        assert f"there is no topic {group}.{name}, " in said
        assert said.endswith(" Waiting for it\n")
    for topic in ("later", "cbc_gstlal"):
        kafka.create_topic(f"{group}.{topic}", 1)
        send(f"S-{topic}", topic=topic, partition=0)
    listening.expect("S-later")
    listening.expect("S-cbc_gstlal")


def test_tests_of_hop_are_shown_when_asked_for(command, send):
    send("S1", headers=(("_test", b"true"), ("_format", b"json")), partition=0)
    send("S2", partition=0)
    arguments = ("listen", "--since", "10m", "--json", "--count")
    assert uids(command.run(*arguments, "1").stdout) == ["S2"]
    assert uids(command.run(*arguments, "2", "--test").stdout) == ["S1", "S2"]


def test_a_record_that_cannot_be_read_is_told_and_passed_over(command, send, kafka, group):
    kafka.send(f"{group}.superevent", "{bad", partition=0)
    send("S2", partition=0)
    done = command.run("listen", "--since", "10m", "--json", "--count", "1")
    assert uids(done.stdout) == ["S2"]
    assert f"{group}.superevent[0] at offset 0 cannot be read: not_json" in done.stderr


def test_a_kafka_that_is_away_at_the_start_is_one_line(command):
    command.environment["IGWN_ALERT_SERVER"] = f"kafka://127.0.0.1:{free_port()}/"
    done = command.run("listen", timeout_s=60)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1
    assert "does not answer" in done.stderr


def test_an_outage_of_kafka_is_survived_and_nothing_is_missed(command, send, kafka):
    listening = command.start("listen", "--since", "10m", "--json")
    send("S1")
    listening.expect("S1")
    kafka.stop()
    said = listening.popen.stderr.readline().decode()
    assert said.startswith("igwn-alert: Kafka: ")
    assert said.endswith("going on by itself\n")
    kafka.start()
    send("S2", "S3")
    listening.expect("S2")
    listening.expect("S3")
    assert uids(listening.text) == ["S1", "S2", "S3"]


def test_a_consumer_group_is_joined_when_named_and_goes_on_where_it_stopped(
    command, send, kafka, group
):
    consumer_group = f"mine-{group}"
    send("before")
    first = command.start("-c", consumer_group, "listen", "superevent", "--json")
    wait_until(lambda: "probe" in first.text or send("probe", partition=0), 90, "it has begun")
    send("S1", "S2")
    first.expect("S1")
    first.expect("S2")
    assert first.end() == 130, first.popen.stderr.read()
    assert "before" not in first.text
    send("S3", "S4")
    again = command.run("-c", consumer_group, "listen", "superevent", "--json", "--count", "2")
    assert uids(again.stdout) == ["S3", "S4"]


def test_the_group_of_a_running_app_is_not_joined(deployment, tmp_path):
    command = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    deployment.start().listen()
    wait_until(lambda: len(deployment.kafka.commits(deployment.group)) == 4, 60, "it has begun")
    done = command.run("-c", deployment.group, "listen", "superevent")
    assert done.returncode == 3
    assert f"the consumer group '{deployment.group}' is that of a running app" in done.stderr
    assert done.stderr.count("\n") == 1
