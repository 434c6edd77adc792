# SPDX-License-Identifier: BSD-3-Clause
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from celery.bin.celery import celery

from igwn_alert_celery.cli import main
from igwn_alert_celery.cli.command import igwn_alert


def completed(words, index, shell="bash"):
    code = (
        "from igwn_alert_celery.cli.command import igwn_alert; igwn_alert(prog_name='igwn-alert')"
    )
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(index)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_IGWN_ALERT_COMPLETE": f"{shell}_complete", **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_sub_commands_and_topics_complete():
    assert completed("igwn-alert sub", 1) == ["plain,subscriptions"]
    assert completed("igwn-alert listen mdc", 2) == ["plain,mdc_superevent"]
    assert "plain,--since" in completed("igwn-alert listen --s", 2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_produced(shell, monkeypatch, capsys):
    from click.shell_completion import BashComplete, shell_complete

    # It asks the bash that is installed for its version.
    monkeypatch.setattr(BashComplete, "_check_version", staticmethod(lambda: None))
    code = shell_complete(igwn_alert, {}, "igwn-alert", "_IGWN_ALERT_COMPLETE", f"{shell}_source")
    script = capsys.readouterr().out
    assert code == 0
    assert f"_IGWN_ALERT_COMPLETE={shell}_complete" in script.replace('"', "")


def test_both_scripts_and_the_plug_in_of_celery_are_declared():
    scripts = {
        entry.name: entry.load()
        for entry in entry_points(group="console_scripts")
        if entry.value.startswith("igwn_alert_celery.")
    }
    assert scripts == {"igwn-alert": main, "igwn-alert-celery": main}
    assert celery.commands["igwn-alert"] is igwn_alert


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "igwn_alert_celery", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.startswith("igwn-alert (igwn-alert-celery) ")
