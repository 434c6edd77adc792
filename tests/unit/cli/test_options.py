# SPDX-License-Identifier: BSD-3-Clause
import click
import pytest
from celery import Celery
from celery.bin.celery import celery
from click.testing import CliRunner

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.cli.command import igwn_alert
from igwn_alert_celery.cli.options import TOPICS, global_options
from tests.unit.apps import new_app

# As `igwn-alert --help` of igwn-alert 0.7.0 lists them.
ORIGINAL = {
    "--no-auth",
    *("-g", "--group"),
    *("-c", "--consumer-group"),
    *("-j", "--jsonpp"),
    *("-l", "--log"),
    *("-n", "--netrc"),
    *("-p", "--port"),
    *("-r", "--retry-on-fatal"),
    *("-s", "--server"),
    *("-t", "--listen_retries"),
    *("-u", "--username"),
    *("-w", "--retry_wait"),
    *("-V", "--version"),
}


@pytest.fixture
def seen(monkeypatch):
    """The targets that a sub-command was called with."""
    targets = []

    @click.command()
    @click.pass_obj
    def topics(target):
        targets.append(target)

    monkeypatch.setattr("igwn_alert_celery.cli.topics.topics", topics)
    return targets


def test_the_options_are_igwn_alerts_own_and_ours():
    options = {option for param in igwn_alert.params for option in param.opts}
    assert options >= ORIGINAL
    assert options - ORIGINAL == {"-A", "--app", "--listen-retries", "--retry-wait"}


def test_every_option_may_stand_before_and_after_the_sub_command(run, seen):
    given = ["--no-auth", "-g", "g1", "-c", "mine", "-j", "-l", "info", "-n", "rc", "-p", "9093"]
    given += ["-r", "-s", "kafka://h/", "-t", "7", "-u", "joe", "-w", "2.5"]
    assert run(*given, "topics").exit_code == 0
    assert run("topics", *given).exit_code == 0
    before, after = (target.flags for target in seen)
    assert before == after
    assert before.connection == {
        "noauth": True,
        "group": "g1",
        "netrc": "rc",
        "port": 9093,
        "server": "kafka://h/",
        "username": "joe",
    }
    assert (before.consumer_group, before.pretty, before.log) == ("mine", True, "info")
    assert (before.retry_on_fatal, before.listen_retries, before.retry_wait_s) == (True, 7, 2.5)


def test_what_stands_after_the_sub_command_is_the_last_word(run, seen):
    run("-g", "g1", "topics", "-g", "g2")
    assert seen[0].flags.group == "g2"


def test_nothing_given_is_nothing_set(run, seen):
    run("topics")
    (target,) = seen
    assert target.flags.connection == {}
    assert target.flags.app is None
    assert (target.flags.listen_retries, target.flags.retry_wait_s) == (3, 0.1)


def test_no_sub_command_has_an_option_of_its_own_by_a_global_name(run):
    taken = {option for param in igwn_alert.params for option in param.opts}
    with click.Context(igwn_alert) as ctx:
        for name in igwn_alert.list_commands(ctx):
            command = igwn_alert.get_command(ctx, name)
            own = [param for param in command.params if not getattr(param, "hidden", False)]
            assert not taken & {option for param in own for option in param.opts}, name


@pytest.mark.parametrize("value", ["x", "-1", "0.5"])
def test_a_bad_number_is_wrong_usage_in_one_line(run, value):
    result = run("-t", value, "topics")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "--listen_retries" in result.output


def test_the_app_may_come_from_the_environment(run, seen):
    run("topics", env={"IGWN_ALERT_APP": "followup"})
    run("-A", "other", "topics", env={"IGWN_ALERT_APP": "followup"})
    run("--app", "", "topics", env={"IGWN_ALERT_APP": "followup"})
    assert [target.flags.app for target in seen] == ["followup", "other", ""]


def test_celerys_environment_variables_are_no_options_of_ours(run, seen):
    env = {"CELERY_IGWN_ALERT_GROUP": "g9", "CELERY_IGWN_ALERT_TOPICS_GROUP": "g9"}
    result = CliRunner().invoke(
        celery, ["igwn-alert", "topics"], env=env, auto_envvar_prefix="CELERY"
    )
    assert result.exit_code == 0, result.output
    assert seen[0].flags.group is None


def test_the_app_of_celery_is_the_app(seen):
    app = new_app()
    IGWNAlert(app, group="g3", noauth=True)
    result = CliRunner().invoke(celery, ["-A", app, "igwn-alert", "topics"])
    assert result.exit_code == 0, result.output
    assert seen[0].app is app
    assert seen[0].settings.group == "g3"


def test_the_app_of_celery_counts_above_the_environments(seen):
    app = new_app()
    IGWNAlert(app, noauth=True)
    arguments = ["-A", app, "igwn-alert", "topics"]
    CliRunner().invoke(celery, arguments, env={"IGWN_ALERT_APP": "there.is.none"})
    assert seen[0].app is app


def test_celery_without_an_app_is_no_app(seen):
    result = CliRunner().invoke(celery, ["igwn-alert", "topics"])
    assert result.exit_code == 0, result.output
    assert seen[0].app is None


def test_options_that_an_app_adds_to_all_commands_of_celery_do_no_harm(seen, monkeypatch):
    app = Celery("followup", set_as_current=False)
    app.user_options["preload"].add(click.Option(["--tenant"]))
    IGWNAlert(app, noauth=True)
    # celery adds the option to its commands, for as long as the process lives.
    monkeypatch.setattr(igwn_alert, "params", [*igwn_alert.params])
    for command in celery.commands.values():
        monkeypatch.setattr(command, "params", [*command.params])
        monkeypatch.setattr(command, "callback", command.callback)
    result = CliRunner().invoke(celery, ["-A", app, "igwn-alert", "--tenant", "x", "topics"])
    assert result.exit_code == 0, result.output
    assert len(seen) == 1


def test_help_loads_no_app(run):
    assert run("-A", "there.is.none", "topics", "--help").exit_code == 0


def test_the_topics_of_gracedb_complete():
    option = next(option for option in global_options(hidden=False) if option.name == "group")
    ctx = click.Context(igwn_alert)
    found = [item.value for item in option.shell_complete(ctx, "gracedb-p")]
    assert found == ["gracedb-playground"]
    assert {"superevent", "mdc_superevent", "cbc_gstlal", "burst_cwb"} <= set(TOPICS)
