# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert send` on real Kafka: directly, and through a running worker."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.integration.command import Command, commanding

APP = ("-A", "tests.integration.followup")


@pytest.fixture
def group(kafka):
    name = f"send-{uuid.uuid4().hex[:8]}"
    for topic in ("superevent", "cbc_gstlal"):
        kafka.create_topic(f"{name}.{topic}", 1)
    return name


@pytest.fixture
def command(kafka, group, tmp_path):
    with commanding(kafka, group, tmp_path) as found:
        yield found


@pytest.fixture
def files(tmp_path):
    """Two alerts, and one that is none."""
    texts = {
        "S0": '{"uid": "S0", "alert_type": "new", "far": 1E-9}',
        "S1": '{"uid": "S1", "alert_type": "new"}\n',
        "bad": "{bad",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text)
    return {name: str(tmp_path / f"{name}.json") for name in texts}


def received(command, count):
    lines = command.run("listen", "--from-beginning", "--count", str(count), "--record").stdout
    found = [json.loads(line) for line in lines.splitlines()]
    return sorted((line["record"]["topic"], line["alert"]["uid"]) for line in found)


def test_what_is_sent_is_what_a_listener_gets(command, files, group):
    done = command.run("send", "superevent", "cbc_gstlal", files["S0"], files["S1"])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    places = [
        (files[name], f"{group}.{topic}", number)
        for number, name in enumerate(("S0", "S1"))
        for topic in ("superevent", "cbc_gstlal")
    ]
    for line, (name, topic, offset) in zip(lines, places, strict=True):
        assert line.startswith(f"{name} → {topic}: partition 0, offset {offset} (")
    assert done.stderr == (
        f"sending 2 alerts to {group}.superevent, {group}.cbc_gstlal at "
        f"{command.environment['IGWN_ALERT_SERVER'][8:-1]} without a credential\n"
    )
    assert received(command, 4) == [
        ("cbc_gstlal", "S0"),
        ("cbc_gstlal", "S1"),
        ("superevent", "S0"),
        ("superevent", "S1"),
    ]
    listening = command.run("listen", "superevent", "--from-beginning", "--count", "1")
    # One json.loads of the payload opens it, and the sender's own text is untouched.
    assert listening.stdout.splitlines()[1] == '{"uid": "S0", "alert_type": "new", "far": 1E-9}'


def test_standard_input_key_and_test_mark_arrive(command):
    done = command.run("send", "superevent", "-", "--uid-key", "--test", written='{"uid": "S9"}')
    assert done.returncode == 0, done.stderr
    arguments = ("listen", "--from-beginning", "--count", "1", "--record", "--test")
    found = json.loads(command.run(*arguments).stdout)
    assert (found["record"]["key"], found["alert"]) == ("S9", {"uid": "S9"})


def test_one_bad_file_or_topic_sends_nothing(command, files, group, kafka):
    done = command.run("send", "superevent", files["S0"], files["bad"])
    assert (done.returncode, done.stdout) == (1, "")
    done = command.run("send", "superevent", "cbc_gstlla", files["S0"])
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no topic {group}.cbc_gstlla" in done.stderr
    assert f"The nearest are {group}.cbc_gstlal" in done.stderr
    done = command.run("send", "superevent", files["bad"], files["S1"], "--keep-going")
    assert done.returncode == 1
    assert received(command, 1) == [("superevent", "S1")]


def test_a_record_that_is_too_large_is_told(command, tmp_path):
    (tmp_path / "large.json").write_text(json.dumps({"uid": "x" * 1_200_000}))
    done = command.run("send", "superevent", str(tmp_path / "large.json"))
    assert done.returncode == 1
    assert "does not take so large a record" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_through_a_running_worker(deployment, tmp_path, files):
    shared = {**deployment.environment, "IGWN_ALERT_NOAUTH": "1"}
    deployment.environment["CELERY_RESULT_BACKEND"] = shared["FOLLOWUP_BROKER"]
    command = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    send = (*APP, "send", "superevent")
    # No worker yet, but it is not forgotten.
    late = command.run(*send, files["S0"], "--wait", "0.5")
    assert (late.returncode, late.stdout) == (5, "")
    assert "does a worker run?" in late.stderr
    assert "Traceback" not in late.stderr
    deployment.start().listen()
    done = command.run(*send, files["S1"], "--wait", "90")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{files['S1']} → {deployment.topic}: partition ")
    assert f"to {deployment.topic} at " in done.stderr
    assert done.stderr.endswith(", through a task of the app followup\n")
    deployment.expect_once_each(range(2))
    refused = command.run(*APP, "send", "nosuch", files["S1"])
    assert refused.returncode == 1
    assert f"there is no topic {deployment.group}.nosuch" in refused.stderr
    # The same by celery's own command, with an app that keeps no results.
    queued = Command(tmp_path, **shared)
    line = f"celery {' '.join(APP)} igwn-alert send superevent {files['S1']} 2>&1; echo $?"
    said = queued.shell(line).stdout
    assert "queued as task" in said
    assert said.endswith("\n0\n")


def test_flags_that_contradict_the_app_send_nothing(deployment, tmp_path, files):
    command = Command(tmp_path, **deployment.environment)
    done = command.run(*APP, "-g", "gracedb", "send", "superevent", files["S0"])
    assert (done.returncode, done.stdout) == (2, "")
    assert "but the app of -A has" in done.stderr
