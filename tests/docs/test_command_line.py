# SPDX-License-Identifier: BSD-3-Clause
"""docs/command-line.md shows every sub-command, option and exit code, and nothing else."""

import re
import shlex

import click
import pytest

from igwn_alert_celery.cli.check import AWAY_S, TIMEOUT_S
from igwn_alert_celery.cli.command import igwn_alert
from igwn_alert_celery.cli.commands import COMMANDS
from igwn_alert_celery.cli.dead_letters import dead_letters
from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.letters.listing import LIMIT
from igwn_alert_celery.cli.remote import ANSWER_S
from igwn_alert_celery.cli.send import WAIT_S
from igwn_alert_celery.cli.unsubscribe import WAIT_S as UNSUBSCRIBE_WAIT_S
from igwn_alert_celery.cli.verdict import Level
from tests.docs.markdown import ROOT, blocks, code, table

DOCUMENT = ROOT / "docs" / "command-line.md"
NESTED = [f"dead-letters {name}" for name in dead_letters.commands]


def commands_shown():
    """The command lines of the document that are ours, as words."""
    lines = [line for block in blocks(DOCUMENT, "console") for line in block.text.splitlines()]
    first = [re.split(r"[|>]", line.removeprefix("$ "))[0] for line in lines]
    return [shlex.split(line) for line in first if line.startswith("igwn-alert ")]


def sub_command(name):
    command = igwn_alert
    for word in name.split():
        with click.Context(command) as ctx:
            command = command.get_command(ctx, word)
    return command


def options(command):
    """All spellings of the options that a command shows in its help."""
    with click.Context(command, help_option_names=["-h", "--help"]) as ctx:
        params = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    return {opt for param in params if not param.hidden for opt in param.opts if opt[0] == "-"}


def test_every_option_stands_in_the_table():
    shown = {option for row in table(DOCUMENT, "option", "does") for option in code(row[0])}
    assert shown == options(igwn_alert)


@pytest.mark.parametrize("name", [*COMMANDS, *NESTED])
def test_every_sub_command_has_its_part_with_its_options_and_an_example(name):
    assert f"\n{'###' if name in NESTED else '##'} `{name}`\n" in DOCUMENT.read_text()
    own = options(sub_command(name)) - {"-h", "--help"}
    rows = table(DOCUMENT, f"option of `{name}`", "does") if own else []
    assert {option for row in rows for option in code(row[0])} == own
    assert any(f" {name} " in f" {' '.join(words)} " for words in commands_shown())


def test_no_part_is_about_a_sub_command_that_is_not_there():
    text = DOCUMENT.read_text()
    assert re.findall(r"^## `(.*)`$", text, re.MULTILINE) == list(COMMANDS)
    assert re.findall(r"^### `(.*)`$", text, re.MULTILINE) == NESTED


def test_every_command_that_is_shown_is_understood():
    shown = commands_shown()
    assert len(shown) > 12
    for words in shown:
        command, name, rest, ctx = igwn_alert, "igwn-alert", words[1:], None
        while isinstance(command, click.Group):
            ctx = command.make_context(name, rest, parent=ctx)
            name, command, rest = command.resolve_command(ctx, ctx._protected_args + ctx.args)
        assert command.make_context(name, rest, parent=ctx) is not None


def test_every_exit_code_stands_in_the_table():
    assert [int(row[0]) for row in table(DOCUMENT, "code", "means")] == [int(c) for c in ExitCode]


def test_every_exit_code_of_the_plugin_stands_in_its_table():
    rows = table(DOCUMENT, "exit code of `check`", "word", "when")
    assert [(int(code), word) for code, word, _ in rows] == [(int(one), one.name) for one in Level]


def test_the_defaults_are_those_of_the_code():
    text = " ".join(DOCUMENT.read_text().split())
    assert f"to wait for each result (default: {WAIT_S:g})" in text
    assert f"to wait until it is done (default: {UNSUBSCRIBE_WAIT_S:g})" in text
    assert f"to wait for a worker's answer (default: {ANSWER_S:g})" in text
    assert f"at most so many (default: {LIMIT})" in text
    for limit, words in (
        (TIMEOUT_S, "with UNKNOWN"),
        (AWAY_S, "because Kafka or the task broker is away"),
    ):
        assert f"{words} (default: {limit:g})" in text


def test_the_completion_variables_are_clicks():
    text = DOCUMENT.read_text()
    for script in ("igwn-alert", "igwn-alert-celery"):
        assert f"_{script.replace('-', '_').upper()}_COMPLETE" in text
