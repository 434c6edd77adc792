# SPDX-License-Identifier: BSD-3-Clause
"""Seconds that count: those in which the machine let nobody run are no fault of what is timed."""

from __future__ import annotations

import threading
import time
from types import TracebackType

__all__ = ["Stopwatch"]

_LOOK_S = 0.05
# Less is what a busy machine needs to change from one thread to another.
_STALL_S = 0.25


class Stopwatch:
    """
    Runs as a context; for what waits, not for what computes (``time.thread_time`` does that).

    A thread of its own sleeps for a moment again and again; what it sleeps longer was lost.

    Attributes
    ----------
    lost_s : float
        For how long, seconds, the machine has let this process not run so far.
    """

    def __init__(self) -> None:
        self.lost_s = 0.0
        self._began = self._looked = time.monotonic()
        self._ended: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="stopwatch", daemon=True)

    def __enter__(self) -> Stopwatch:  # noqa: PYI034 - typing has Self from 3.11 on
        self._began = self._looked = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = time.monotonic()
        self._stop.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """How many have counted, until now or until the context was left."""
        until = time.monotonic() if self._ended is None else self._ended
        return until - self._began - self.lost_s

    def _look_on(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self._look()
        self._look()

    def _look(self) -> None:
        before, self._looked = self._looked, time.monotonic()
        if (gap := self._looked - before) > _STALL_S:
            self.lost_s += gap - _LOOK_S
