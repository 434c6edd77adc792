# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert dead-letters replay``: letters become tasks again."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

import click

from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.kept import bridge_of, opened
from igwn_alert_celery.cli.letters.choice import (
    Choice,
    all_option,
    chosen,
    filter_options,
    say_place,
    short,
)
from igwn_alert_celery.cli.letters.listing import place_of
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.report import note, one_line, problem
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.kafka.client import reader_config
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.record import Record
from igwn_alert_celery.replay.plan import Ways
from igwn_alert_celery.replay.replayer import Replayed, replaying

__all__ = ["replay_letters"]

_EPILOG = examples(
    "igwn-alert -A followup dead-letters replay 1f0c2b6e",
    "igwn-alert -A followup dead-letters replay --all --reason unroutable",
    "igwn-alert -A followup dead-letters replay --ignore-age 1f0c2b6e",
)
_HELP = """Enqueue the tasks of dead letters again; a letter that succeeds is dropped.

A letter of one handler goes to that one only, any other to all handlers that match now. Handlers
see `alert.record.redelivered`. One that could not be sent to Kafka is sent again by a task. What
fails again keeps its letter, and is said; then the exit code is 1.

An alert that is older than a handler's `max_age_s` is left alone, unless --ignore-age says that it
is to act all the same.
"""


class _Fetch:
    """Fetches large messages; what that needs is looked for when a letter has one."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __call__(self, url: str) -> Record:
        """Return the message."""
        found: Record = self._fetcher(url)
        return found

    @cached_property
    def _fetcher(self) -> OffloadFetcher:
        settings = self._settings
        credential = load_credential(settings, os.environ)
        username = credential.username if credential else None
        config = reader_config(settings, credential, username)
        return OffloadFetcher(config, credential, settings.offload_timeout_s, settings.max_bytes)


@click.command("replay", short_help="Enqueue them again.", help=_HELP, epilog=_EPILOG)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@all_option("Replay all, or those of --reason and --topic.")
@filter_options
@click.option(
    "--ignore-age",
    cls=Option,
    is_flag=True,
    help="Let alerts act that are older than max_age_s.",
)
@click.pass_obj
def replay_letters(
    target: Target,
    ids: tuple[str, ...],
    every: bool,
    reason: str | None,
    topic: str | None,
    ignore_age: bool,
) -> None:
    """See ``_HELP``."""
    choice = Choice(ids, every, reason, topic).checked()
    bridge = bridge_of(target, "dead-letters")
    ways = Ways(bridge, bridge.app.tasks, _Fetch(bridge.settings), ignore_age)
    screen, done, failed = Screen(), 0, 0
    with opened(bridge) as store, replaying(store.letters, ways) as replayer:
        say_place(store)
        letters, is_whole = chosen(store.letters, choice)
        for letter in letters:
            replayed = replayer.replay(letter)
            _tell(screen, replayed)
            done += not replayed.error
            failed += bool(replayed.error)
    if every:
        note(f"{done} replayed, {failed} kept")
    raise click.exceptions.Exit(ExitCode.FAILED if failed or not is_whole else ExitCode.DONE)


def _tell(screen: Screen, replayed: Replayed) -> None:
    name = f"{short(replayed.letter.id)} {one_line(place_of(replayed.letter))}"
    if replayed.error:
        problem(f"{name} is kept: {replayed.error}")
        return
    tasks = ", ".join(f"{task} ({task_id})" for task, task_id in replayed.tasks.items())
    screen.say(f"{name} → {tasks}")
    for letter in replayed.kept:
        problem(f"{name}: not for {letter.handler}: {letter.error}; kept as {short(letter.id)}")
