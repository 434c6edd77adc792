# SPDX-License-Identifier: BSD-3-Clause
"""Which part of the topics `listen` shows: from when, until when, and how many."""

from __future__ import annotations

import time
from dataclasses import dataclass

import click

__all__ = ["EARLIEST", "LATEST", "Window"]

LATEST = "latest"
EARLIEST = "earliest"


@dataclass(slots=True)
class Window:
    """From a start to an end; ``None`` where there is no end.

    Attributes
    ----------
    start : str or int
        ``latest``, ``earliest``, or milliseconds since the Unix epoch.
    until_ms : int or None
        Alerts from this moment on are not shown.
    count : int or None
        How many are still to be shown.
    """

    start: str | int = LATEST
    until_ms: int | None = None
    count: int | None = None

    @classmethod
    def of(
        cls,
        since_ms: int | None,
        until_ms: int | None,
        count: int | None,
        *,
        from_beginning: bool,
    ) -> Window:
        """Return it; refuse what contradicts itself."""
        if from_beginning and since_ms is not None:
            raise click.UsageError("--from-beginning and --since: give one of them")
        if since_ms is not None and since_ms > _now_ms():
            raise click.UsageError("--since lies in the future: only --until may")
        start: str | int = EARLIEST if from_beginning else LATEST
        if since_ms is not None:
            start = since_ms
        begin_ms = 0 if from_beginning else _now_ms() if since_ms is None else since_ms
        if until_ms is not None and until_ms <= begin_ms:
            raise click.UsageError("--until lies before the start: give --since or +10m (from now)")
        return cls(start, until_ms, count)

    @property
    def looks_back(self) -> bool:
        """Whether it begins in the past."""
        return self.start != LATEST

    def takes(self, timestamp_ms: int) -> bool:
        """Whether a record of this time is to be shown."""
        return self.until_ms is None or timestamp_ms < self.until_ms

    def note_shown(self) -> None:
        """Count one."""
        if self.count is not None:
            self.count -= 1

    def is_full(self) -> bool:
        """Whether as many as wanted have been shown."""
        return self.count is not None and self.count <= 0

    def is_past(self) -> bool:
        """Whether its end has come, so that what Kafka has now is all that there will be."""
        return self.until_ms is not None and _now_ms() >= self.until_ms


def _now_ms() -> int:
    return round(time.time() * 1000)
