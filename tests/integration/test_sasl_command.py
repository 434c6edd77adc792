# SPDX-License-Identifier: BSD-3-Clause
"""The command ``igwn-alert`` and a broker with passwords, certificates and rules."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.services.kafka.access import PASSWORDS
from tests.services.stopwatch import Stopwatch

PROMISED_S = 15.0
# Until Python has loaded everything, on a busy machine.
START_S = 15.0


@pytest.fixture(params=[True, False], ids=["SASL_SSL", "SASL_PLAINTEXT"])
def tls(request):
    return request.param


@pytest.fixture
def command(secured_kafka, tls, tmp_path):
    """Run the command as alice, within the promised time and without a word of her password."""
    authfile = tmp_path / ".config" / "hop" / "auth.toml"
    authfile.parent.mkdir(parents=True)
    authfile.touch(mode=0o600)
    bootstrap = secured_kafka.ssl_bootstrap if tls else secured_kafka.sasl_bootstrap
    (tmp_path / "alert.json").write_text('{"uid": "S1", "alert_type": "new"}')
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    environment.pop("XDG_CONFIG_HOME", None)

    def run(*arguments, password=None):
        authfile.write_text(secured_kafka.auth_toml("alice", password=password, tls=tls))
        target = ["-s", f"kafka://{bootstrap}/", "-g", "gracedb-test"]
        with Stopwatch() as watch:
            done = subprocess.run(
                [sys.executable, "-m", "igwn_alert_celery", *target, *arguments],
                env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert watch.seconds < PROMISED_S + START_S
        said = done.stdout + done.stderr
        assert not any(secret in said for secret in (*PASSWORDS.values(), "mistyped"))
        assert "Traceback" not in said
        return done

    return run


def test_the_right_password_lists_sends_and_listens(command, secured_kafka):
    topic = f"t{uuid.uuid4().hex[:8]}"
    secured_kafka.create_topic(f"gracedb-test.{topic}")
    listed = command("topics")
    assert topic in listed.stdout.splitlines()
    assert "secret" not in listed.stdout
    sent = command("send", topic, "alert.json")
    assert sent.returncode == 0, sent.stderr
    assert "partition 0, offset 0" in sent.stdout
    heard = command("listen", topic, "--from-beginning", "--count", "1", "--json")
    assert heard.returncode == 0, heard.stderr
    assert "S1" in json.dumps(json.loads(heard.stdout))


@pytest.mark.parametrize(
    ("tls", "arguments"),
    [
        (True, ("topics",)),
        (False, ("send", "read_only", "alert.json")),
        (False, ("listen", "read_only")),
        (True, ("-c", "alice-x", "listen", "read_only")),
    ],
    indirect=["tls"],
    ids=["topics", "send", "listen", "listen -c"],
)
def test_a_wrong_password_is_said(command, arguments):
    done = command(*arguments, password="mistyped")
    assert done.returncode == 3
    assert "does not accept the credential of user 'alice'" in done.stderr
    assert "correct the password where it is kept" in done.stderr


@pytest.mark.parametrize("tls", [False], indirect=True, ids=["SASL_PLAINTEXT"])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("listen", "secret"), 3, "may not read gracedb-test.secret"),
        (("listen", "write_only"), 3, "may not read gracedb-test.write_only"),
        (("send", "read_only", "alert.json"), 1, "may not write to gracedb-test.read_only"),
        (("send", "secret", "alert.json"), 1, "no topic gracedb-test.secret, or your credential"),
        (("-c", "bobs", "listen", "read_only"), 3, "let it begin with 'alice-'"),
    ],
    ids=["hidden", "unreadable", "read only", "send hidden", "consumer group"],
)
def test_what_is_forbidden_is_said(command, arguments, code, said):
    done = command(*arguments)
    assert said in done.stderr
    assert done.returncode == code
