# SPDX-License-Identifier: BSD-3-Clause
"""Gives back what stands under this worker's name, and nothing in this worker knows of.

And forgets which handlers run that do not: the heart notes a start a moment later, perhaps after
the end.

A connection that is lost in the wrong moment, or a time in which others judged us dead, leaves
such tasks behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.redelivery.link import Linked
from igwn_alert_celery.redelivery.tracker import Tracker, tag_of
from igwn_alert_celery.redelivery.unacked import Unacked

__all__ = ["EVERY_S", "Audit"]

logger = logging.getLogger(__name__)

#: Between two looks, seconds: what is known to nobody at both is given back.
EVERY_S = 10.0


class Audit:
    """For the heart's thread; raises what redis-py does.

    Parameters
    ----------
    tracker : Tracker
    running : callable
        Returns Celery's requests of the tasks that run.
    """

    def __init__(self, tracker: Tracker, running: Callable[[], list[Any]]) -> None:
        self._tracker = tracker
        self._running = running
        self._suspects: set[str] = set()
        self._ended: set[str] = set()
        self._looked_at = time.monotonic()

    def look(self, linked: Linked) -> int:
        """Look, when it is time; return how many tasks were given back."""
        now = time.monotonic()
        if now - self._looked_at < EVERY_S:
            return 0
        self._looked_at = now
        mine = linked.unacked(self._tracker.incarnation)
        # First what Redis has, so that what comes meanwhile is known.
        held, noted = set(mine.tags()), mine.running()
        self._forget_ended(mine, noted)
        return self._give_back(mine, held)

    def _forget_ended(self, mine: Unacked, noted: set[str]) -> None:
        ended = noted - {request.id for request in self._running()}
        gone, self._ended = ended & self._ended, ended - self._ended
        if gone:
            mine.not_running(gone)

    def _give_back(self, mine: Unacked, held: set[str]) -> int:
        known = self._tracker.channels.known_tags()
        if known is None:
            return 0
        running = {tag_of(request) for request in self._running()}
        unknown = held - known - running - self._tracker.tags_to_say
        lost, self._suspects = unknown & self._suspects, unknown - self._suspects
        for tag in lost:
            mine.put_back(tag)
        if lost:
            logger.warning("%d tasks that this worker had lost sight of are given back", len(lost))
        return len(lost)
