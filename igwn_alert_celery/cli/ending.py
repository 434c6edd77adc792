# SPDX-License-Identifier: BSD-3-Clause
"""How ctrl-C and SIGTERM end what would go on for ever."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

__all__ = ["Ending", "ending_on_signals"]


class Ending:
    """Raises where a signal comes; within :meth:`noted` it is noted, for the loop to look.

    confluent_kafka's ``poll`` loses an exception that is raised while it calls back (2.16.1:
    "returned NULL without setting an exception"), so nothing may be raised there.
    """

    def __init__(self) -> None:
        self._signum: int | None = None
        self._only_notes = False

    @property
    def has_come(self) -> bool:
        """Whether it is time to end."""
        return self._signum is not None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a signal within the block, and end after it.

        Raises
        ------
        click.exceptions.Exit
            With 128 and the signal's number.
        """
        self._only_notes = True
        try:
            yield
        finally:
            self._only_notes = False
        self._end()

    def take(self, signum: int, _frame: FrameType | None) -> None:
        """Serve as a signal handler."""
        self._signum = signum
        if not self._only_notes:
            self._end()

    def _end(self) -> None:
        if self._signum is not None:
            raise click.exceptions.Exit(128 + self._signum)


@contextmanager
def ending_on_signals() -> Iterator[Ending]:
    """Let ctrl-C and SIGTERM end the block; one that the shell ignores for us stays ignored."""
    ending = Ending()
    before = {}
    for signum in (signal.SIGINT, signal.SIGTERM):
        before[signum] = signal.getsignal(signum)
        if before[signum] is not signal.SIG_IGN:
            signal.signal(signum, ending.take)
    try:
        yield ending
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
