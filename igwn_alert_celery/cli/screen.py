# SPDX-License-Identifier: BSD-3-Clause
"""Where output goes: a terminal, which can be drawn on, or a pipe or file."""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from select import POLLERR, poll
from typing import Any

from rich.console import Console

__all__ = ["Screen", "age", "since", "utc"]


class Screen(Console):
    """Standard output, or stderr; a pipe that nobody reads raises :exc:`BrokenPipeError`."""

    def __init__(self, **options: Any) -> None:
        stream = options.get("file") or (sys.stderr if options.get("stderr") else sys.stdout)
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has not every letter is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
        self._pipe = _poll_of(stream)
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        """Let the caller end in order; rich would leave from here."""
        raise BrokenPipeError

    @property
    def is_live(self) -> bool:
        """Whether it can be drawn on; also with FORCE_COLOR a file cannot."""
        return self.file.isatty() and not self.is_dumb_terminal

    def check_reader(self) -> None:
        """Raise :exc:`BrokenPipeError` when nobody reads the pipe any more.

        Else it would be noticed at the next alert only, which may come tomorrow.
        """
        if self._pipe is not None and any(event & POLLERR for _, event in self._pipe.poll(0)):
            raise BrokenPipeError

    def can_say(self, text: str) -> bool:
        """Whether the stream's encoding has every letter of the text."""
        try:
            text.encode(getattr(self.file, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def say(self, text: str) -> None:
        """Write a text as it is, and at once."""
        self.file.write(f"{text}\n")
        self.file.flush()


def _poll_of(stream: Any) -> Any:
    """Return what tells that a pipe was closed by its reader; None for all else."""
    try:
        descriptor = stream.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except (OSError, ValueError, AttributeError):
        # What stands in for standard output may have no descriptor.
        return None
    if not is_pipe:
        return None
    found = poll()
    found.register(descriptor, 0)
    return found


def age(timestamp_ms: int | None) -> str:
    """Return how long ago something was, roughly; ``-`` for never."""
    if timestamp_ms is None or timestamp_ms < 0:
        return "-"
    return since(max(0.0, time.time() - timestamp_ms / 1000))


def since(seconds: float) -> str:
    """Return in words that something was so many seconds ago, roughly."""
    for unit, size_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def utc(timestamp_ms: int) -> str:
    """Return the time of day in UTC, or dashes where Kafka has none."""
    if timestamp_ms < 0:
        return "--:--:--"
    return time.strftime("%H:%M:%S", time.gmtime(timestamp_ms / 1000))
