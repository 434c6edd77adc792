# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert dead-letters list``: a line each, the newest first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice

import click
from rich.table import Table

from igwn_alert_celery.cli.kept import bridge_of, opened
from igwn_alert_celery.cli.letters.choice import (
    Choice,
    filter_options,
    matching,
    say_place,
    short,
)
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.report import note, one_line
from igwn_alert_celery.cli.screen import Screen, since
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.dead_letter import DeadLetter

__all__ = ["LIMIT", "list_letters", "place_of"]

LIMIT = 50
_MOST_ERROR = 80
_HEAD = ("id", "reason", "record", "handler", "age", "error")
_EPILOG = examples(
    "igwn-alert -A followup dead-letters list",
    "igwn-alert -A followup dead-letters list --reason expired --limit 10",
    "igwn-alert -A followup dead-letters list --json | jq -r .id",
)


@click.command("list", short_help="List them, the newest first.", epilog=_EPILOG)
@filter_options
@click.option(
    "--limit",
    cls=Option,
    type=click.IntRange(min=1),
    default=LIMIT,
    show_default=True,
    metavar="N",
    help="Show so many at most.",
)
@click.option("--json", "as_json", cls=Option, is_flag=True, help="Print a JSON object a line.")
@click.pass_obj
def list_letters(
    target: Target, reason: str | None, topic: str | None, limit: int, as_json: bool
) -> None:
    """List dead letters, the newest first.

    Each line has the id, the reason, the record as topic[partition]@offset, the handler where only
    one is concerned, the age, and the error. Without a terminal they stand between tabs.
    """
    with opened(bridge_of(target, "dead-letters")) as store:
        found = matching(store.letters, Choice(reason=reason, topic=topic), newest_first=True)
        letters = list(islice(found, limit + 1))
        say_place(store)
    screen = Screen()
    if as_json:
        for letter in letters[:limit]:
            screen.say(json.dumps(_plain(letter)))
    else:
        _show(screen, letters[:limit])
    if not letters:
        note("no dead letters")
    elif len(letters) > limit:
        note(f"and more; --limit {2 * limit} shows further ones")


def place_of(letter: DeadLetter) -> str:
    """Return the record as people write it."""
    if letter.partition < 0:
        return letter.topic
    return f"{letter.topic}[{letter.partition}]@{letter.offset}"


def _show(screen: Screen, letters: list[DeadLetter]) -> None:
    if not letters:
        return
    if not screen.is_live:
        for row in (_HEAD, *map(tuple, map(_cells, letters))):
            screen.say("\t".join(row))
        return
    # Record and handler may take two lines; the error gets what is left of one.
    table = Table(box=None, pad_edge=False, expand=True)
    for name in _HEAD[:-1]:
        wraps = name in {"record", "handler"}
        table.add_column(name, no_wrap=not wraps, overflow="fold")
    table.add_column(_HEAD[-1], no_wrap=True, overflow="ellipsis", ratio=1, min_width=12)
    for letter in letters:
        first, *others = _cells(letter)
        table.add_row(short(first), *others)
    screen.print(table)


def _cells(letter: DeadLetter) -> Iterator[str]:
    error = one_line(letter.error)
    yield letter.id
    yield one_line(letter.reason)
    yield one_line(place_of(letter))
    yield one_line(letter.handler or "-")
    yield since(max(0.0, time.time() - letter.at_ms / 1000))
    yield error if len(error) <= _MOST_ERROR else f"{error[: _MOST_ERROR - 1]}…"


def _plain(letter: DeadLetter) -> dict[str, object]:
    """Return all but the record's own bytes, which `show --json` has."""
    return {
        "id": letter.id,
        "reason": letter.reason,
        "error": letter.error,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "timestamp_ms": letter.timestamp_ms,
        "handler": letter.handler,
        "at_ms": letter.at_ms,
        "value_bytes": len(letter.value or b""),
    }
