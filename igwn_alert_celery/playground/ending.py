# SPDX-License-Identifier: BSD-3-Clause
"""Signals that ask for the end, noted: nothing that was started may be left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from igwn_alert_celery.playground.errors import Ended

__all__ = ["Ending", "noting_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Whether somebody has asked for the end."""

    def __init__(self) -> None:
        self._signum: int | None = None

    def note(self, signum: int, frame: FrameType | None = None) -> None:
        """Take a signal; the first one counts."""
        if self._signum is None:
            self._signum = signum

    def check(self) -> None:
        """Raise :exc:`Ended` once a signal has come."""
        if self._signum is not None:
            raise Ended(self._signum)


@contextmanager
def noting_signals() -> Iterator[Ending]:
    """Note Ctrl-C, SIGTERM and a closed terminal, instead of an exception at any place."""
    ending = Ending()
    # Under nohup SIGHUP is ignored, and stays so.
    mine = [signum for signum in _SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN]
    before = {signum: signal.signal(signum, ending.note) for signum in mine}
    try:
        yield ending
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
