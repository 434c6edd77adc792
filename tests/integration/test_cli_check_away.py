# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A check` while Kafka or the task broker is away."""

from __future__ import annotations

import socket
import time

import pytest

from tests.integration.checking import check
from tests.integration.command import Command


@pytest.fixture
def command(deployment, tmp_path):
    found = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    yield found
    found.close()


def test_kafka_is_away_and_then_for_too_long(deployment, command):
    worker = deployment.start("-P", "threads").listen()
    deployment.kafka.kill()
    worker.expect("receiver: kafka_away")
    deployment.stats()
    code, text, figures = check(command)
    assert code == 1
    assert text.startswith(f"WARNING - w1@{socket.gethostname()}: kafka_away for ")
    assert "receivers=0" in figures
    code, text, _ = check(command, "--away", "0.5")
    assert code == 2
    assert text.startswith(f"CRITICAL - w1@{socket.gethostname()}: kafka_away for ")


def test_a_task_broker_that_cannot_be_asked_is_unknown(command):
    command.environment["FOLLOWUP_BROKER"] = "redis://127.0.0.1:1/0"
    code, text, _ = check(command)
    assert code == 3
    assert text.startswith("UNKNOWN - the task broker does not answer")


def test_a_task_broker_that_hangs_does_not_hold_the_monitor_up(command):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command.environment["FOLLOWUP_BROKER"] = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        code, text, _ = check(command, "--timeout", "3")
        assert time.monotonic() - began < 40
    assert (code, text) == (3, "UNKNOWN - no result within 3 s")
