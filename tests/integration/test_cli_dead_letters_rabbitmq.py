# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A dead-letters` where the task broker is RabbitMQ."""

from __future__ import annotations

import pytest

from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.kafka.encode import encode
from tests.integration.command import Command
from tests.integration.conftest import alert
from tests.integration.letters import FIRST, LETTERS
from tests.services.wait import wait_until
from tests.unit.letters import letter_of


@pytest.fixture
def command(amqp_deployment, tmp_path):
    found = Command(tmp_path, **amqp_deployment.environment, IGWN_ALERT_NOAUTH="1")
    yield found
    found.close()


def test_they_are_in_a_file_of_this_machine(amqp_deployment, command, tmp_path):
    deployment = amqp_deployment
    path = tmp_path / f"{deployment.group}.sqlite"
    place = f"(dead letters of this machine alone, in {path})\n"
    done = command.run(*LETTERS, "list")
    assert (done.returncode, done.stderr) == (0, f"{place}no dead letters\n")
    assert not path.exists()

    worker = deployment.start("-P", "threads").listen()
    deployment.kafka.send(deployment.topic, b"no json", partition=0)
    deployment.kafka.flush()
    worker.expect("is kept as a dead letter: not_json")
    kept = LocalState(path).dead_letters
    (poison,) = kept.ids()
    good = letter_of(alert(4).encode(), handler=FIRST, topic=deployment.topic)
    value, headers = encode({"uid": "S5", "alert_type": "new"})
    unsent = letter_of(
        *(value, "send_failed", "igwn_alert.publish"),
        headers=headers,
        partition=-1,
        topic=deployment.topic,
    )
    kept.add(good, unsent)
    done = command.run(*LETTERS, "replay", "--all")
    assert done.returncode == 1
    assert done.stderr.startswith(place)
    assert f"{poison[:8]} {deployment.topic}[0]@0 is kept: it still cannot be read" in done.stderr
    assert kept.ids() == [poison]
    wait_until(lambda: set(deployment.ran("first")) == {"S4", "S5"}, 60, "both have run")

    deployment.stats()
    done = command.run("-A", "tests.integration.followup", "status", "--timeout", "10")
    assert done.returncode == 0
    assert "dead letters: 1 (" in done.stdout
    assert f"of this machine alone, in {path}" in done.stdout
    done = command.run(*LETTERS, "drop", "--all", "--yes")
    assert done.returncode == 0
    assert kept.ids() == []
