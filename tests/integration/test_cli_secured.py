# SPDX-License-Identifier: BSD-3-Clause
"""The command against a broker with passwords, TLS and rules: it says what is wrong, in time."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.integration.command import Command
from tests.services.kafka.access import PASSWORDS, READ_ONLY, WRITE_ONLY

# What the command may take until it has said it, seconds; it would go on for ever else.
MOST_S = 60


@pytest.fixture
def as_user(secured_kafka, tmp_path):
    """Make a command that finds this user's entry in auth.toml."""

    def make(username, *, password=None, tls=True):
        folder = tmp_path / ".config" / "hop"
        folder.mkdir(parents=True, exist_ok=True)
        authfile = folder / "auth.toml"
        authfile.touch(mode=0o600)
        authfile.write_text(secured_kafka.auth_toml(username, password=password, tls=tls))
        server = secured_kafka.ssl_bootstrap if tls else secured_kafka.sasl_bootstrap
        return Command(
            tmp_path, IGWN_ALERT_SERVER=f"kafka://{server}/", IGWN_ALERT_GROUP="gracedb-test"
        )

    return make


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "alert.json"
    path.write_text(json.dumps({"uid": f"S{uuid.uuid4().hex}"}))
    return path


def short(topic):
    return topic.removeprefix("gracedb-test.")


@pytest.mark.parametrize("tls", [True, False])
def test_with_the_right_password_everything_works(as_user, secured_kafka, file, tls):
    topic = f"ok-{uuid.uuid4().hex[:8]}"
    secured_kafka.create_topic(f"gracedb-test.{topic}", 1)
    command = as_user("alice", tls=tls)
    assert topic in command.run("topics").stdout.splitlines()
    sent = command.run("send", topic, str(file))
    assert sent.returncode == 0, sent.stderr
    assert " as alice\n" in sent.stderr
    heard = command.run("listen", topic, "--from-beginning", "--count", "1", "--record")
    found = json.loads(heard.stdout)
    assert found["alert"] == json.loads(file.read_text())
    assert found["record"]["sender"] == "alice"


@pytest.mark.parametrize("arguments", [["topics"], ["listen", "x"], ["send", "x", "FILE"]])
def test_a_wrong_password_is_told_and_not_shown(as_user, file, arguments):
    command = as_user("alice", password="wrong-Secret.99")
    arguments = [str(file) if word == "FILE" else word for word in arguments]
    done = command.run("-l", "debug", *arguments, timeout_s=MOST_S)
    assert done.returncode == 3
    said = [line for line in done.stderr.splitlines() if line.startswith("igwn-alert: ")]
    assert len(said) == 1
    assert "does not accept the credential of user 'alice'" in said[0]
    assert "hop auth add" in said[0]
    assert "wrong-Secret.99" not in done.stderr


def test_a_topic_that_may_not_be_read_is_told(as_user):
    done = as_user("alice").run("listen", short(WRITE_ONLY), timeout_s=MOST_S)
    assert done.returncode == 3
    assert done.stderr == (
        f"igwn-alert: your credential may not read {WRITE_ONLY}: ask its owner for permission\n"
    )


def test_a_topic_that_may_not_be_written_to_is_told(as_user, file):
    done = as_user("alice").run("send", short(READ_ONLY), str(file), timeout_s=MOST_S)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the credential may not write to {READ_ONLY}" in done.stderr


def test_a_consumer_group_that_is_not_ours_is_told(as_user):
    command = as_user("alice")
    done = command.run("-c", "bob-mine", "listen", short(READ_ONLY), timeout_s=MOST_S)
    assert done.returncode == 3
    assert "use the consumer group 'bob-mine'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_who_may_see_nothing_sees_nothing(as_user):
    done = as_user("bob").run("topics", timeout_s=MOST_S)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert PASSWORDS["bob"] not in done.stdout + done.stderr
