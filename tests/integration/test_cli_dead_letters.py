# SPDX-License-Identifier: BSD-3-Clause
"""`igwn-alert -A dead-letters`: list, show, replay and drop, on Redis."""

from __future__ import annotations

import json

import pytest

from igwn_alert_celery.kafka.encode import encode
from tests.integration.command import Command
from tests.integration.conftest import alert
from tests.integration.letters import FIRST, LETTERS, keep, left
from tests.services.task_message import body_of
from tests.services.wait import wait_until
from tests.unit.letters import letter_of


@pytest.fixture
def command(deployment, tmp_path):
    found = Command(tmp_path, **deployment.environment, IGWN_ALERT_NOAUTH="1")
    yield found
    found.close()


def of(deployment, value, reason="unroutable", handler=None, **record):
    return letter_of(value, reason, handler, **{"topic": deployment.topic, "key": b"k", **record})


def test_poison_is_listed_shown_kept_on_replay_and_dropped(deployment, command):
    worker = deployment.start("-P", "threads").listen()
    deployment.kafka.send(deployment.topic, b"no \x1b[31mjson\xff", partition=2)
    deployment.kafka.flush()
    worker.expect("is kept as a dead letter: not_json")
    (letter_id,) = left(deployment)

    done = command.run(*LETTERS, "list")
    assert (done.returncode, done.stderr) == (0, "")
    head, line = (text.split("\t") for text in done.stdout.splitlines())
    assert head == ["id", "reason", "record", "handler", "age", "error"]
    assert line[:4] == [letter_id, "not_json", f"{deployment.topic}[2]@0", "-"]
    assert line[4].endswith(" s ago")
    assert line[5].startswith("not UTF-8")
    done = command.run(*LETTERS, "list", "--json")
    said = json.loads(done.stdout)
    assert (said["id"], said["reason"], said["offset"], said["value_bytes"]) == (
        *(letter_id, "not_json", 0, 13),
    )
    running = command.start(*LETTERS, "list", tty=True)
    running.expect(letter_id[:8])
    assert running.popen.wait(60) == 0
    assert letter_id not in running.text

    done = command.run(*LETTERS, "show", letter_id[:8])
    assert done.returncode == 0
    assert f"id         {letter_id}" in done.stdout
    assert "no \\x1b[31mjson\\xff" in done.stdout
    done = command.shell(f"igwn-alert {' '.join(LETTERS)} show {letter_id} --raw | od -An -tx1")
    assert bytes.fromhex(done.stdout) == b"no \x1b[31mjson\xff"

    done = command.run(*LETTERS, "replay", letter_id[:8])
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"{letter_id[:8]} {deployment.topic}[2]@0 is kept: it still cannot be read" in done.stderr
    )
    assert left(deployment) == [letter_id]
    done = command.run(*LETTERS, "drop", letter_id[:8])
    assert (done.returncode, done.stdout) == (0, f"{letter_id} dropped\n")
    assert left(deployment) == []
    assert command.run(*LETTERS, "list").stderr == "no dead letters\n"


def test_letters_become_tasks_of_their_handlers(deployment, command):
    for_one = of(deployment, alert(1).encode(), handler=FIRST)
    for_all = of(deployment, alert(2).encode(), reason="not_json", offset=8)
    gone = of(deployment, alert(3).encode(), handler="no.such", offset=9)
    keep(deployment, for_one, for_all, gone)
    done = command.run(*LETTERS, "replay", for_one.id[:8], "nosuch-id")
    assert done.returncode == 1
    assert done.stdout.startswith(f"{for_one.id[:8]} {deployment.topic}[1]@7 → {FIRST} (")
    assert done.stderr == "igwn-alert: nosuch-id: there is no such dead letter (any more)\n"
    (message,) = map(json.loads, deployment.redis.lrange("celery", 0, -1))
    header = message["headers"]["igwn_alert"]
    assert header == {
        "topic": "superevent",
        "partition": 1,
        "offset": 7,
        "key": "k",
        "id": None,
        "sender": None,
        "timestamp_ms": for_one.timestamp_ms,
        "redelivered": True,
    }
    assert json.loads(body_of(message))[0][0]["uid"] == "S1"

    done = command.run(*LETTERS, "replay", "--all")
    assert done.returncode == 1
    assert f"{gone.id[:8]} {deployment.topic}[1]@9 is kept: the app has no handler" in done.stderr
    assert done.stderr.endswith("1 replayed, 1 kept\n")
    assert left(deployment) == [gone.id]
    deployment.start("-P", "threads").expect("ready")
    wait_until(lambda: deployment.ran("second"), 60, "the handlers run")
    wait_until(lambda: len(deployment.ran("first")) >= 2, 60, "the handlers run")
    assert sorted(deployment.ran("first")) == ["S1", "S2"]
    assert deployment.ran("second") == ["S2 superevent 1 8"]


def test_what_could_not_be_sent_is_sent_again(deployment, command):
    content = {"uid": "S5", "alert_type": "new"}
    value, headers = encode(content, headers={"mine": "x"}, sender="me")
    unsent = of(deployment, value, "send_failed", "igwn_alert.publish", headers=headers)
    never = of(deployment, b"Ellipsis", "not_json", "igwn_alert.publish")
    keep(deployment, unsent, never)
    deployment.start("-P", "threads").listen()
    done = command.run(*LETTERS, "replay", "--all")
    assert done.returncode == 1
    assert f"{unsent.id[:8]} {deployment.topic}[1]@7 → igwn_alert.publish (" in done.stdout
    assert "is kept: it was no alert: publish it anew" in done.stderr
    assert left(deployment) == [never.id]
    wait_until(lambda: deployment.ran("first"), 60, "it has come back from Kafka")
    assert deployment.ran("first") == ["S5"]


def test_drop_all_wants_a_yes_and_obeys_filters(deployment, command):
    keep(
        deployment,
        *(of(deployment, b"{}", offset=n) for n in range(30)),
        *(of(deployment, b"{}", "expired", offset=n) for n in range(3)),
    )
    done = command.run(*LETTERS, "drop", "--all")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--yes" in done.stderr
    done = command.run(*LETTERS, "list", "--limit", "2")
    assert [line.split("\t")[2][-2:] for line in done.stdout.splitlines()[1:]] == ["@2", "@1"]
    assert done.stderr == "and more; --limit 4 shows further ones\n"
    done = command.run(*LETTERS, "drop", "--all", "--reason", "unroutable", "--yes")
    assert (done.returncode, done.stderr) == (0, "30 dropped\n")
    assert len(left(deployment)) == 3
    done = command.run(*LETTERS, "drop", "--all", "--topic", "other", "--yes")
    assert (done.returncode, done.stderr, len(left(deployment))) == (0, "0 dropped\n", 3)


def test_a_task_broker_that_is_away_is_told(command):
    command.environment["FOLLOWUP_BROKER"] = "redis://127.0.0.1:1/0"
    done = command.run(*LETTERS, "list", timeout_s=60)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("igwn-alert: the task broker does not answer")
