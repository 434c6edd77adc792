# SPDX-License-Identifier: BSD-3-Clause
import json

import pytest

from igwn_alert_celery.cli import commands, status
from igwn_alert_celery.cli.kept import Kept
from igwn_alert_celery.cli.status_view import lines_of, size
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.metrics import Metrics, State


def metrics(**more):
    made = Metrics(
        state=State.KAFKA_AWAY,
        detail="timed out",
        server="kafka.example:9092",
        username="alice",
        consumer_group="alice-followup",
        guarantee="exactly once",
        warnings=("Redis may evict tasks",),
        topics=("superevent", "cbc_gstlal"),
        missing=("nosuch",),
        forbidden=("secret",),
        unsubscribed=("mdc_*",),
        partitions={
            "superevent[1]": {"next_offset": 9, "lag": None},
            "superevent[0]": {"next_offset": 7, "lag": 0},
        },
    )
    made.counters.update(received=3, retries=0)
    return {**made.as_dict(), "app": "followup", "handlers": ["a"], **more}


@pytest.fixture
def world(monkeypatch, app, bridge):
    said = {"workers": {"w1@h": metrics()}, "kept": Kept(3, 2_500, "redis://there", is_shared=True)}

    def kept_by(bridge):
        if isinstance(said["kept"], Exception):
            raise said["kept"]
        return said["kept"]

    monkeypatch.setattr(commands, "_app_of", lambda parent: app)
    monkeypatch.setattr(status, "statuses", lambda bridge, answer_s: said["workers"])
    monkeypatch.setattr(status, "kept_by", kept_by)
    return said


def test_everything_is_shown(run, world):
    world["workers"]["w1@h"] |= {"not_running_s": 70.4, "last_alert_age_s": 240.0}
    world["workers"]["w2@h"] = {"state": "disabled", "detail": "", "not_running_s": 5.0}
    result = run("status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "w1@h kafka_away for 70 s: timed out",
        "server kafka.example:9092 as alice",
        "consumer group alice-followup",
        "enqueued exactly once",
        "topics superevent, cbc_gstlal",
        "missing nosuch",
        "forbidden secret",
        "taken out mdc_*",
        "partition superevent[0] next offset 7 lag 0",
        "partition superevent[1] next offset 9 lag unknown",
        "counters received 3",
        "last alert 4 min ago",
        "last poll never",
        "warning Redis may evict tasks",
        "w2@h disabled",
        "dead letters: 3 (2.5 kB)",
    ]


def test_nothing_of_an_answer_can_control_the_terminal(run, world):
    world["workers"] = {"w\x1b[2J": metrics(state="x\x1b[31m", detail="a\nb\x07")}
    assert "\x1b" not in run("status").stdout
    assert "\x07" not in run("status").stdout


def test_as_json(run, world, app):
    result = run("status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "app": "followup",
        "workers": world["workers"],
        "dead_letters": {"count": 3, "bytes": 2500, "place": "redis://there", "error": None},
    }


def test_letters_of_this_machine_alone_are_said_to_be(run, world):
    world["kept"] = Kept(0, 0, "/var/x.sqlite", is_shared=False)
    said = run("status").stdout.splitlines()[-1]
    assert said == "dead letters: 0 (0 bytes), of this machine alone, in /var/x.sqlite"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nobody_answers(run, world, options):
    world["workers"] = {}
    result = run("status", *options)
    assert result.exit_code == 1
    assert "no worker of the app 'followup' has answered: start one" in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout


def test_letters_that_cannot_be_counted(run, world):
    world["kept"] = TaskBrokerUnavailable("no permission")
    result = run("status", "--json")
    assert result.exit_code == 4
    assert result.stderr == "igwn-alert: dead letters cannot be counted: no permission\n"
    letters = json.loads(result.stdout)["dead_letters"]
    assert letters == {"count": None, "bytes": None, "place": None, "error": "no permission"}


def test_without_an_app(run):
    result = run("status")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "igwn-alert -A APP status" in result.stderr


def test_a_worker_that_has_just_begun_says_little():
    assert [*lines_of(Metrics(state=State.DISABLED).as_dict())] == []


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e6, "2.5 MB"), (3e9, "3.0 GB")],
)
def test_sizes(count, text):
    assert size(count) == text
