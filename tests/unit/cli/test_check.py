# SPDX-License-Identifier: BSD-3-Clause
"""`check` as a plugin: what it asks, its exit codes, and that nothing else gets out."""

import pytest

from igwn_alert_celery.cli import check, commands
from igwn_alert_celery.cli.kept import Kept
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.metrics import Metrics, State


@pytest.fixture
def world(monkeypatch, app, bridge):
    """What workers and task broker say."""
    said = {"workers": [{"w1": Metrics(state=State.RUNNING).as_dict()}], "letters": 0, "asked": []}

    def statuses(bridge, answer_s=None):
        said["asked"].append(answer_s)
        found = said["workers"].pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def kept_by(bridge):
        if isinstance(said["letters"], Exception):
            raise said["letters"]
        return Kept(said["letters"], 0, "there", is_shared=True)

    monkeypatch.setattr(commands, "_app_of", lambda parent: app)
    monkeypatch.setattr(check, "statuses", statuses)
    monkeypatch.setattr(check, "kept_by", kept_by)
    return said


def test_all_is_well(run, world):
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("OK - 1 worker of 1 listens")
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize(("letters", "code"), [(0, 0), (3, 1), (7, 2)])
def test_the_exit_code_is_that_of_the_level(run, world, letters, code):
    world["letters"] = letters
    assert run("check", "--critical-dead-letters", "7").exit_code == code


def test_where_nobody_answers_it_asks_once_more_and_longer(run, world):
    world["workers"].insert(0, {})
    assert run("check", "--timeout", "20").exit_code == 0
    assert world["asked"] == [None, 6.0]
    world["workers"] = [{}, {}]
    result = run("check")
    assert result.exit_code == 2
    assert result.stdout.startswith("CRITICAL - no worker")


def test_the_apps_own_setting_says_when_a_receiver_is_stuck(run, world, app):
    metrics = Metrics(state=State.RUNNING).as_dict()
    for limit, options, code in ((100, [], 0), (20, [], 2), (100, ["--stuck", "20"], 2)):
        app.conf.igwn_alert_stuck_after_s = limit
        world["workers"] = [{"w1": {**metrics, "last_poll_age_s": 50.0}}]
        assert run("check", *options).exit_code == code, (limit, options)


@pytest.mark.parametrize("exc", [TaskBrokerUnavailable("gone"), RuntimeError("gone")])
def test_what_cannot_be_asked_is_unknown(run, world, exc):
    world["workers"] = [exc]
    result = run("check")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "UNKNOWN - gone\n", "")


def test_dead_letters_that_cannot_be_counted_are_unknown(run, world):
    world["letters"] = TaskBrokerUnavailable("no file | at all")
    result = run("check")
    assert result.exit_code == 3
    assert result.stdout.startswith("UNKNOWN - dead letters cannot be counted: no file / at all | ")


def test_a_wrong_setting_is_unknown(run, world, app):
    app.conf.igwn_alert_group = 5
    result = run("check")
    assert result.exit_code == 3
    assert result.stdout.startswith("UNKNOWN - igwn_alert_group = 5")


@pytest.mark.parametrize("options", [["--timeout", "0"], ["--warn-lag", "-1"], ["--nosuch"], ["x"]])
def test_wrong_usage_is_unknown(run, world, options):
    result = run("check", *options)
    assert (result.exit_code, result.stderr) == (3, "")
    assert result.stdout.startswith("UNKNOWN - ")
    assert result.stdout.count("\n") == 1


def test_without_an_app_it_is_unknown(run):
    result = run("check")
    assert result.exit_code == 3
    assert result.stdout == "UNKNOWN - `check` is about a Celery app: igwn-alert -A APP check\n"
