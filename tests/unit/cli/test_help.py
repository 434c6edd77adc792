# SPDX-License-Identifier: BSD-3-Clause
import shlex
import subprocess
import sys

import click
import pytest

from igwn_alert_celery import __version__
from igwn_alert_celery.cli.command import igwn_alert
from igwn_alert_celery.cli.commands import COMMANDS
from igwn_alert_celery.cli.dead_letters import dead_letters

NESTED = [f"dead-letters {name}" for name in dead_letters.commands]


def commands_of(help_text):
    """The commands below "Examples:" that are ours, as words."""
    lines = help_text.partition("Examples:\n")[2].splitlines()
    pieces = [piece for line in lines for piece in line.split("|")]
    words = [shlex.split(piece.partition(">")[0]) for piece in pieces]
    return [found for found in words if "igwn-alert" in found]


def parse(words):
    """Parse a command as far as its sub-command's options; raises what click raises."""
    rest = words[words.index("igwn-alert") + 1 :]
    ctx = igwn_alert.make_context("igwn-alert", rest)
    with ctx:
        name, command, arguments = igwn_alert.resolve_command(ctx, ctx._protected_args + ctx.args)
        first, inner = name, command.make_context(name, arguments, parent=ctx)
        while isinstance(command, click.Group):
            rest = inner._protected_args + inner.args
            name, command, arguments = command.resolve_command(inner, rest)
            inner = command.make_context(name, arguments, parent=inner)
        return first, inner


@pytest.mark.parametrize("name", [*COMMANDS, *NESTED])
def test_every_sub_command_has_help_with_an_example_of_itself(run, name):
    result = run(*name.split(), "--help")
    assert result.exit_code == 0
    examples = commands_of(result.output)
    assert any(f" {name} " in f" {' '.join(words)} " for words in examples)


@pytest.mark.parametrize("name", ["", *COMMANDS, *NESTED])
def test_every_example_is_one_that_the_command_understands(run, name):
    result = run(*name.split(), "--help")
    for words in commands_of(result.output):
        if "--help" not in words:
            assert parse(words)[0] in COMMANDS


@pytest.mark.parametrize("name", [*COMMANDS, *NESTED])
def test_every_line_of_help_fits_into_a_terminal(run, name):
    assert all(len(line) <= 80 for line in run(*name.split(), "--help").output.splitlines())


def test_the_help_lists_the_sub_commands_in_the_order_of_their_use(run):
    lines = run("--help").output.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in lines[: len(COMMANDS)]) == COMMANDS


def test_without_a_sub_command_it_shows_its_help(run):
    result = run()
    assert result.exit_code in {0, 2}  # click 8.1 and later ones
    assert "Commands:" in result.output


def test_the_version_is_the_packages(run):
    for flag in ("-V", "--version"):
        assert run(flag).output == f"igwn-alert (igwn-alert-celery) {__version__}\n"


def test_no_option_takes_a_password():
    with click.Context(igwn_alert) as ctx:
        commands = [igwn_alert, *(igwn_alert.get_command(ctx, name) for name in COMMANDS)]
    commands += dead_letters.commands.values()
    options = {option for command in commands for param in command.params for option in param.opts}
    assert len(options) > 20
    assert not {option for option in options if "pass" in option or "token" in option}


def test_starting_celery_loads_neither_kafkas_client_nor_our_sub_commands_for_the_plug_in_alone():
    # What celery's own command pays for the plug-in, beyond `import igwn_alert_celery`.
    code = (
        "import sys; import igwn_alert_celery; before = set(sys.modules); "
        "import igwn_alert_celery.cli.command; "
        "print(*sorted(name for name in set(sys.modules) - before if 'rich' in name "
        "or name.startswith('igwn_alert_celery.cli.')))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "igwn_alert_celery.cli.commands" in output
    assert not [name for name in output if name.startswith("rich")]
    assert "igwn_alert_celery.cli.listen" not in output
