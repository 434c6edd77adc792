# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A check`: workers that do not listen, or not to all."""

from __future__ import annotations

import socket

import pytest

from tests.integration.checking import check
from tests.integration.command import Command
from tests.services.wait import wait_until


@pytest.fixture
def command(deployment, tmp_path):
    found = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    yield found
    found.close()


def test_no_worker_and_then_one_that_is_not_to_listen(deployment, command):
    code, text, figures = check(command, "--timeout", "20")
    assert (code, text) == (2, "CRITICAL - no worker of the app 'followup' answers")
    assert figures.startswith("workers=0;;;0 receivers=0;;;0")
    deployment.start("-P", "threads", "--no-igwn-alert").expect("ready")
    deployment.stats()
    code, text, _ = check(command)
    assert (code, text) == (2, "CRITICAL - no receiver runs: disabled in 1 worker")


def test_a_topic_is_missing_and_a_worker_does_not_listen(deployment, command):
    deployment.environment["IGWN_ALERT_TOPICS"] = "nosuch"
    other = deployment.start("-P", "threads", "--no-igwn-alert", name="w2")
    deployment.start("-P", "threads").listen()
    other.expect("ready")
    # Who is late to answer is not there.
    code, text, figures = wait_until(lambda: both(check(command)), 90, "both workers answer")
    assert (code, text) == (1, "WARNING - missing topics: nosuch")
    assert "workers=2;;;0 receivers=1;;;0" in figures


def both(found):
    return found if "workers=2;" in found[2] else None


def test_a_receiver_that_failed(deployment, command):
    deployment.environment["IGWN_ALERT_CONSUMER_GROUP"] = ""
    deployment.environment["IGWN_ALERT_AUTHFILE"] = "/nonexistent/auth.toml"
    deployment.environment["IGWN_ALERT_NOAUTH"] = "false"
    deployment.start("-P", "threads").expect("ready")
    deployment.stats()
    code, text, _ = check(command)
    assert code == 2
    assert text.startswith(f"CRITICAL - w1@{socket.gethostname()}: failed: ")
