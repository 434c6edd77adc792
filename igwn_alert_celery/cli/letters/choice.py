# SPDX-License-Identifier: BSD-3-Clause
"""Which dead letters are meant: ids or their beginnings, or all that a filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from igwn_alert_celery.cli.options import Option
from igwn_alert_celery.cli.report import note, problem
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.letter_store import Letters, LetterStore, each_letter

__all__ = [
    "SHORT_ID",
    "Choice",
    "all_option",
    "chosen",
    "filter_options",
    "matching",
    "named",
    "say_place",
    "short",
]

#: So many characters of an id are shown, and are enough to name it.
SHORT_ID = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """What was given.

    Attributes
    ----------
    ids : tuple of str
        Or their beginnings.
    every : bool
        All, of the filters.
    reason, topic : str or None
        Filters; None lets all through. A topic is without the group, or with it.
    """

    ids: tuple[str, ...] = ()
    every: bool = False
    reason: str | None = None
    topic: str | None = None

    def checked(self) -> Choice:
        """Return it; refuse what is neither ids nor ``--all``, or both.

        Raises
        ------
        click.UsageError
            With the correction.
        """
        if self.every and self.ids:
            raise click.UsageError("ids and --all: give one of them")
        if not self.every and (self.reason, self.topic) != (None, None):
            raise click.UsageError("--reason and --topic go with --all")
        if not self.every and not self.ids:
            raise click.UsageError("name the dead letters by their ids, or give --all")
        for text in self.ids:
            if len(text) < SHORT_ID:
                raise click.UsageError(f"{text!r}: give at least {SHORT_ID} characters of an id")
        return self

    def takes(self, letter: DeadLetter) -> bool:
        """Whether the filters let a letter through."""
        if self.reason is not None and letter.reason != self.reason:
            return False
        return self.topic is None or f".{letter.topic}".endswith(f".{self.topic}")


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--reason`` and ``--topic``."""
    reason = click.option("--reason", cls=Option, metavar="REASON", help="Only with this reason.")
    topic = click.option("--topic", cls=Option, metavar="TOPIC", help="Only of this topic.")
    return reason(topic(command))


def all_option(text: str) -> Callable[[Any], Any]:
    """Return the decorator for ``--all``."""
    return click.option("--all", "every", cls=Option, is_flag=True, help=text)


def matching(letters: Letters, choice: Choice, *, newest_first: bool) -> Iterator[DeadLetter]:
    """Yield the letters that are meant, a few at a time in memory."""
    ids = letters.ids()
    if newest_first:
        ids.reverse()
    return (letter for letter in each_letter(letters, ids) if choice.takes(letter))


def named(letters: Letters, given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the ids that begin like this, each once, and what is wrong with the others."""
    known, found, wrong = letters.ids(), [], []
    for text in dict.fromkeys(given):
        fitting = [text] if text in known else [name for name in known if name.startswith(text)]
        if len(fitting) == 1:
            found += fitting
        elif fitting:
            wrong.append(f"{text}: {len(fitting)} dead letters begin so: give more of the id")
        else:
            wrong.append(f"{text}: there is no such dead letter (any more)")
    return list(dict.fromkeys(found)), wrong


def chosen(letters: Letters, choice: Choice) -> tuple[Iterable[DeadLetter], bool]:
    """Return the letters that are meant, oldest first, and whether each that was named is there.

    What is wrong with a name is said.
    """
    if choice.every:
        return matching(letters, choice, newest_first=False), True
    found, wrong = named(letters, choice.ids)
    for text in wrong:
        problem(text)
    return each_letter(letters, found), not wrong


def short(letter_id: str) -> str:
    """Return as much of an id as names it."""
    return letter_id[:SHORT_ID]


def say_place(store: LetterStore) -> None:
    """Say on stderr that the letters are this machine's alone, where that is so."""
    if not store.is_shared:
        note(f"(dead letters of this machine alone, in {store.place})")
