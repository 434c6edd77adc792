# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A check`: a worker that runs, and wrong usage."""

from __future__ import annotations

import pytest

from tests.integration.checking import APP, check
from tests.integration.command import Command


@pytest.fixture
def command(deployment, tmp_path):
    found = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    yield found
    found.close()


def test_a_worker_that_runs_and_then_has_a_dead_letter(deployment, command):
    worker = deployment.start("-P", "threads").listen()
    deployment.send(range(4))
    deployment.expect_once_each(range(4))
    deployment.counted(4)
    code, text, figures = check(command)
    assert code == 0, text
    assert text.startswith("OK - 1 worker of 1 listens, 4 partitions, lag 0, last alert ")
    assert figures.startswith("workers=1;;;0 receivers=1;;;0 lag=0;;;0 dead_letters=0;0;;0 ")

    deployment.kafka.send(deployment.topic, b"no json", partition=0)
    deployment.kafka.flush()
    worker.expect("is kept as a dead letter")
    assert check(command)[:2] == (1, "WARNING - 1 dead letter")
    code, text, figures = check(command, "--critical-dead-letters", "1")
    assert (code, text) == (2, "CRITICAL - 1 dead letter")
    assert "dead_letters=1;0;0;0" in figures


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "UNKNOWN - `check` is about a Celery app"),
        (("-A", "nosuch", "check"), "UNKNOWN - -A nosuch: there is no module 'nosuch'"),
        ((*APP, "check", "--nosuch"), "UNKNOWN - No such option"),
    ],
)
def test_wrong_usage_is_unknown_too(command, arguments, said):
    done = command.run(*arguments)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith(said)
