# SPDX-License-Identifier: BSD-3-Clause
"""docs/command-line.md shows every sub-command, option and exit code, and nothing else."""

import re
import shlex

import click
import pytest

from igwn_alert_celery.cli.command import igwn_alert
from igwn_alert_celery.cli.commands import COMMANDS
from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.send import WAIT_S
from igwn_alert_celery.cli.unsubscribe import WAIT_S as UNSUBSCRIBE_WAIT_S
from tests.docs.markdown import ROOT, blocks, code, table

DOCUMENT = ROOT / "docs" / "command-line.md"


def commands_shown():
    """The command lines of the document that are ours, as words."""
    lines = [line for block in blocks(DOCUMENT, "console") for line in block.text.splitlines()]
    first = [line.removeprefix("$ ").partition("|")[0] for line in lines]
    return [shlex.split(line) for line in first if line.startswith("igwn-alert ")]


def sub_command(name):
    with click.Context(igwn_alert) as ctx:
        return igwn_alert.get_command(ctx, name)


def options(command):
    """All spellings of the options that a command shows in its help."""
    with click.Context(command, help_option_names=["-h", "--help"]) as ctx:
        params = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    return {opt for param in params if not param.hidden for opt in param.opts if opt[0] == "-"}


def test_every_option_stands_in_the_table():
    shown = {option for row in table(DOCUMENT, "option", "does") for option in code(row[0])}
    assert shown == options(igwn_alert)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_sub_command_has_its_part_with_its_options_and_an_example(name):
    assert f"\n## `{name}`\n" in DOCUMENT.read_text()
    own = options(sub_command(name)) - {"-h", "--help"}
    rows = table(DOCUMENT, f"option of `{name}`", "does") if own else []
    assert {option for row in rows for option in code(row[0])} == own
    assert any(name in words for words in commands_shown())


def test_no_part_is_about_a_sub_command_that_is_not_there():
    assert re.findall(r"^## `(.*)`$", DOCUMENT.read_text(), re.MULTILINE) == list(COMMANDS)


def test_every_command_that_is_shown_is_understood():
    shown = commands_shown()
    assert len(shown) > 12
    for words in shown:
        ctx = igwn_alert.make_context("igwn-alert", words[1:])
        with ctx:
            rest = ctx._protected_args + ctx.args
            name, command, arguments = igwn_alert.resolve_command(ctx, rest)
            assert command.make_context(name, arguments, parent=ctx) is not None


def test_every_exit_code_stands_in_the_table():
    assert [int(row[0]) for row in table(DOCUMENT, "code", "means")] == [int(c) for c in ExitCode]


def test_the_defaults_are_those_of_the_code():
    text = " ".join(DOCUMENT.read_text().split())
    assert f"to wait for each result (default: {WAIT_S:g})" in text
    assert f"to wait until it is done (default: {UNSUBSCRIBE_WAIT_S:g})" in text


def test_the_completion_variables_are_clicks():
    text = DOCUMENT.read_text()
    for script in ("igwn-alert", "igwn-alert-celery"):
        assert f"_{script.replace('-', '_').upper()}_COMPLETE" in text
