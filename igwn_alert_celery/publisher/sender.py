# SPDX-License-Identifier: BSD-3-Clause
"""One line to Kafka in each process: opened when it is first needed, after fork."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import signals

from igwn_alert_celery.errors import SendError, SendRefused
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord
from igwn_alert_celery.kafka.verdict import CREDENTIAL
from igwn_alert_celery.publisher.line import Line

__all__ = ["Sender"]

logger = logging.getLogger(__name__)

_CLOSE_S = 10.0
# Waiting for a token that does not come takes ten seconds.
_RENEW_S = 30.0


@dataclass(slots=True)
class _Slot:
    """What belongs to one process; another's is neither used nor let go."""

    lock: Any = field(default_factory=threading.Lock)
    line: Line | None = None
    renew_at: float = 0.0


class Sender:
    """Sends records for one bridge, from any process, thread or greenlet.

    Attributes
    ----------
    counters : Counter
        Records that this process has ``sent``, and its tries that ended as ``send_failed`` or
        ``send_refused``.
    """

    def __init__(self, bridge: Any) -> None:
        self._bridge = bridge
        self._slots: dict[int, _Slot] = {}
        self.counters: Counter[str] = Counter()

    @property
    def username(self) -> str | None:
        """Who sends; connects nowhere. Raises as :meth:`send` does."""
        return self._line().username

    def send(self, records: Sequence[OutgoingRecord]) -> list[Delivery | SendError]:
        """Send records and wait for their final reports; blocks as :meth:`Line.send` does.

        Raises
        ------
        SendRefused
            There is no line to be had: a setting or the credential is wrong.
        """
        line = self._line()
        reports = line.send(records)
        self._count(reports)
        if any(isinstance(report, SendError) and report.code == CREDENTIAL for report in reports):
            # So that one that was corrected meanwhile is found.
            self._drop(line)
        return reports

    def close(self, **_: Any) -> None:
        """Send what is left, for a bounded time, and end this process's line."""
        slot = self._slots.get(os.getpid())
        line = slot.line if slot else None
        if slot is None or line is None:
            return
        slot.line = None
        left = line.close(_CLOSE_S)
        if left:
            logger.error("%d records were not sent within %g s at the end", left, _CLOSE_S)

    def _line(self) -> Line:
        settings = self._bridge.settings
        slot = self._slots.setdefault(os.getpid(), _Slot())
        with slot.lock:
            line = slot.line
            if line is not None and line.settings != settings:
                line.close(0.0)
                line = None
            if line is None or (line.is_broken and time.monotonic() >= slot.renew_at):
                fresh = _renewed(line, settings)
                if fresh is line:
                    slot.renew_at = time.monotonic() + _RENEW_S
                line = slot.line = fresh
                signals.worker_process_shutdown.connect(self.close)
                signals.worker_shutdown.connect(self.close)
                atexit.register(self.close)
            return line

    def _count(self, reports: Sequence[Delivery | SendError]) -> None:
        with self._slots[os.getpid()].lock:
            self.counters.update(map(_kind, reports))

    def _drop(self, line: Line) -> None:
        slot = self._slots[os.getpid()]
        with slot.lock:
            if slot.line is line:
                slot.line = None
        line.close(0.0)


def _renewed(line: Line | None, settings: Any) -> Line:
    """Return a new line; the old one where there is none to be had now, as it may mend itself."""
    try:
        fresh = Line.open(settings)
    except SendRefused:
        if line is None:
            raise
        logger.warning("no new Kafka producer could be made, going on with the old one")
        return line
    if line is not None:
        line.close(0.0)
    return fresh


def _kind(report: Delivery | SendError) -> str:
    if isinstance(report, Delivery):
        return "sent"
    return "send_refused" if isinstance(report, SendRefused) else "send_failed"
