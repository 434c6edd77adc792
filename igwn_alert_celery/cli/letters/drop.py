# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert dead-letters drop``: letters that nobody wants any more."""

from __future__ import annotations

import click

from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.kept import bridge_of, opened
from igwn_alert_celery.cli.letters.choice import (
    Choice,
    all_option,
    chosen,
    filter_options,
    say_place,
)
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.report import can_ask, note, problem
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target

__all__ = ["drop_letters"]

_EPILOG = examples(
    "igwn-alert -A followup dead-letters drop 1f0c2b6e",
    "igwn-alert -A followup dead-letters drop --all --reason expired --yes",
)


@click.command("drop", short_help="Drop them for good.", epilog=_EPILOG)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@all_option("Drop all, or those of --reason and --topic.")
@filter_options
@click.option("--yes", cls=Option, is_flag=True, help="With --all: do not ask.")
@click.pass_obj
def drop_letters(
    target: Target,
    ids: tuple[str, ...],
    every: bool,
    reason: str | None,
    topic: str | None,
    yes: bool,
) -> None:
    """Drop dead letters for good, without handling them.

    `--all` asks first; where nobody can be asked it wants --yes.
    """
    choice = Choice(ids, every, reason, topic).checked()
    if every and not yes and not can_ask():
        raise click.UsageError("--all drops dead letters for good: confirm it with --yes")
    bridge, screen = bridge_of(target, "dead-letters"), Screen()
    with opened(bridge) as store:
        say_place(store)
        letters, is_whole = chosen(store.letters, choice)
        # All that are meant now; one that comes while somebody is asked is not.
        found = [letter.id for letter in letters]
        if every and found and not yes and not _agreed(len(found)):
            problem("nothing was dropped")
            raise click.exceptions.Exit(ExitCode.FAILED)
        dropped = [letter_id for letter_id in found if store.letters.drop(letter_id)]
    for letter_id in dropped:
        screen.say(f"{letter_id} dropped")
    if every:
        note(f"{len(dropped)} dropped")
    raise click.exceptions.Exit(ExitCode.DONE if is_whole else ExitCode.FAILED)


def _agreed(count: int) -> bool:
    return click.confirm(f"Drop {count} dead letters for good?", err=True)
