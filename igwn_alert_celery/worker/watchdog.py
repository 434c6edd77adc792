# SPDX-License-Identifier: BSD-3-Clause
"""Notices that the receiver's thread does not go on, from a thread of its own."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable

from igwn_alert_celery.metrics import Metrics, Stuck
from igwn_alert_celery.native import start_native_thread
from igwn_alert_celery.worker.whereabouts import Whereabouts

__all__ = ["Watchdog"]

logger = logging.getLogger(__name__)

_TICK_S = 0.5

_TEXT = (
    "the receiver's thread has not polled Kafka for %.0f s, so no alert is received. It cannot be "
    "ended from outside: correct what holds it up, which is where it stands now (a filter, a "
    "signal receiver, a call that does not return), and restart the worker, or let "
    'igwn_alert_on_failure = "shutdown" end it. After max.poll.interval.ms another worker of the '
    "consumer group receives in its place. It stands in:\n%s"
)


class Watchdog:
    """Watches one thread, by the beats that it counts in the metrics.

    Parameters
    ----------
    metrics : Metrics
        ``beats`` is read; ``stuck`` and a counter of that name are written.
    limit_s : float
        How long the thread may go without a beat, seconds.
    on_stuck : callable
        Told once, on the watchdog's own thread, with one line for a person.
    """

    def __init__(self, metrics: Metrics, limit_s: float, on_stuck: Callable[[str], None]) -> None:
        self._metrics = metrics
        self._limit_s = limit_s
        self._on_stuck = on_stuck
        self._watched: Whereabouts | None = None
        self._ends = False

    def start(self) -> None:
        """Watch until :meth:`stop`."""
        self._ends = False
        start_native_thread(self._run, "igwn-alert-watchdog")

    def watch_me(self) -> None:
        """Let the calling thread be the one whose beats are counted."""
        self._watched = Whereabouts()

    def stop(self) -> None:
        """Let it end, soon; does not wait."""
        self._ends = True

    def _run(self) -> None:
        seen, silent_s, looked_at = self._metrics.beats, 0.0, time.monotonic()
        while not self._ends:
            time.sleep(_TICK_S)
            now = time.monotonic()
            if self._metrics.beats != seen:
                seen, silent_s = self._metrics.beats, 0.0
                self._note_over()
            else:
                # When the whole process was stopped for a while, that is nobody's fault.
                silent_s += min(now - looked_at, 2 * _TICK_S)
                self._note_silent(silent_s)
            looked_at = now
        self._metrics.stuck = None

    def _note_over(self) -> None:
        if self._metrics.stuck is not None:
            logger.warning("the receiver's thread polls Kafka again")
            self._metrics.stuck = None

    def _note_silent(self, silent_s: float) -> None:
        if silent_s < self._limit_s or self._metrics.stuck is not None or self._ends:
            return
        stack = self._watched.stack() if self._watched is not None else []
        last = stack[-1] if stack else None
        where = f" (in {last.name}, {last.filename}:{last.lineno})" if last else ""
        text = f"no poll of Kafka for more than {self._limit_s:g} s{where}"
        self._metrics.stuck = Stuck(time.monotonic() - silent_s, text)
        self._metrics.counters["stuck"] += 1
        logger.error(_TEXT, silent_s, "".join(traceback.format_list(stack)))
        self._on_stuck(f"the receiver is stuck: {text}")
