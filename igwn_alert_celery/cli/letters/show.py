# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert dead-letters show``: all of one dead letter, or its bytes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click
from rich.text import Text

from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.kept import bridge_of, opened
from igwn_alert_celery.cli.letters.choice import Choice, chosen, say_place
from igwn_alert_celery.cli.letters.listing import place_of
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.report import one_line
from igwn_alert_celery.cli.screen import Screen, since
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.dead_letter import DeadLetter

__all__ = ["readable", "show_letter"]

_EPILOG = examples(
    "igwn-alert -A followup dead-letters show 1f0c2b6e",
    "igwn-alert -A followup dead-letters show 1f0c2b6e --raw > record.bin",
)


@click.command("show", short_help="Show all of one.", epilog=_EPILOG)
@click.argument("letter_id", metavar="ID")
@click.option("--json", "as_json", cls=Option, is_flag=True, help="Print it as JSON, in base64.")
@click.option("--raw", cls=Option, is_flag=True, help="Write the record's value, byte by byte.")
@click.pass_obj
def show_letter(target: Target, letter_id: str, as_json: bool, raw: bool) -> None:
    """Show one dead letter: what happened, and the record with its headers.

    The first 8 characters of an id are enough. What is no text is shown escaped; `--raw` and
    `--json` give the bytes exactly.
    """
    if as_json and raw:
        raise click.UsageError("--json and --raw: give one of them")
    choice = Choice((letter_id,)).checked()
    with opened(bridge_of(target, "dead-letters")) as store:
        found, _ = chosen(store.letters, choice)
        letter = next(iter(found), None)
        if not raw:
            say_place(store)
    if letter is None:
        raise click.exceptions.Exit(ExitCode.FAILED)
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        return
    screen = Screen()
    if as_json:
        screen.say(letter.to_json().decode())
        return
    for label, text in _fields(letter):
        screen.print(Text.assemble((f"{label:10}", "bold"), " ", one_line(text)), soft_wrap=True)
    for label, text in (
        ("traceback", readable(letter.traceback.encode("utf-8", "backslashreplace"))),
        ("value", readable(letter.value)),
    ):
        if text:
            screen.print(Text.assemble((f"{label}\n", "bold"), text.rstrip("\n")), soft_wrap=True)


def readable(value: bytes | None) -> str:
    """Return bytes as text of lines; whatever is none, or could control a terminal, is escaped."""
    text = (value or b"").decode("utf-8", "backslashreplace")
    return "".join(map(_shown, text))


def _shown(char: str) -> str:
    is_plain = char.isprintable() or char in "\n\t"
    return char if is_plain else char.encode("unicode_escape").decode()


def _fields(letter: DeadLetter) -> Iterator[tuple[str, str]]:
    yield "id", letter.id
    yield "reason", letter.reason
    yield "error", letter.error
    yield "record", place_of(letter)
    yield "time", "Kafka has none" if letter.timestamp_ms < 0 else _moment(letter.timestamp_ms)
    yield "kept", _moment(letter.at_ms)
    yield "handler", letter.handler or "all that match"
    yield "key", "none" if letter.key is None else readable(letter.key)
    for name, value in letter.headers:
        yield "header", f"{name}: {'none' if value is None else readable(value)}"
    yield "size", f"{len(letter.value or b'')} bytes"


def _moment(timestamp_ms: int) -> str:
    seconds = timestamp_ms / 1000
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    return f"{when}, {since(max(0.0, time.time() - seconds))}"
