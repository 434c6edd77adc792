# SPDX-License-Identifier: BSD-3-Clause
"""The arguments of `send`: which are topics, which are files, and what is in those."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from igwn_alert_celery.errors import PoisonRecord

__all__ = ["AlertFile", "read_alert", "split_arguments"]

STDIN = "-"


@dataclass(frozen=True, slots=True)
class AlertFile:
    """A file with one alert: its name, and the alert's own JSON text."""

    name: str
    text: str = field(repr=False)


def split_arguments(
    arguments: Sequence[str], files: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return topics and files.

    With ``--file`` all arguments are topics. Else those are, up to the first that is ``-``,
    contains ``/`` or ends in ``.json``; without such a one the last is the file, as igwn-alert has
    it.

    Raises
    ------
    click.UsageError
        A topic or a file is missing.
    """
    if files:
        topics, names = tuple(arguments), tuple(files)
    else:
        first = next((n for n, text in enumerate(arguments) if _is_file(text)), len(arguments) - 1)
        topics, names = tuple(arguments[:first]), tuple(arguments[first:])
    if not topics:
        raise click.UsageError("no topic: igwn-alert send TOPIC… FILE…")
    if names.count(STDIN) > 1:
        raise click.UsageError("- stands for standard input, which can be read only once")
    return topics, names


def read_alert(name: str) -> AlertFile:
    """Return what is in a file; ``-`` is standard input.

    Raises
    ------
    PoisonRecord
        It cannot be read, or holds no alert.
    """
    from igwn_alert_celery.kafka.json_text import parse, unwrap

    try:
        raw = _standard_input() if name == STDIN else Path(name).read_bytes()
        # Editors on Windows put a mark at the beginning.
        text = raw.decode("utf-8-sig")
    except OSError as exc:
        raise PoisonRecord("unreadable", exc.strerror or str(exc)) from exc
    except UnicodeDecodeError as exc:
        raise PoisonRecord("not_json", "it is not UTF-8") from exc
    # What a listener wrote down may still be wrapped.
    value, inner = unwrap(parse(text), text)
    _refuse_constants(inner)
    if not isinstance(value, (dict, list)):
        raise PoisonRecord("no_alert", "it holds no JSON object: an alert is one")
    return AlertFile(name, inner.strip())


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise PoisonRecord("unreadable", "standard input is closed")
    return sys.stdin.buffer.read()


def _refuse_constants(text: str) -> None:
    """Refuse what Python's parser takes and no other does."""

    def refuse(name: str) -> None:
        raise PoisonRecord("not_json", f"{name} is no JSON: write null, or a number")

    json.loads(text, parse_constant=refuse)


def _is_file(argument: str) -> bool:
    return argument == STDIN or "/" in argument or argument.endswith(".json")
