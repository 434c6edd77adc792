# SPDX-License-Identifier: BSD-3-Clause
"""Gives back what stands under this worker's name, and nothing in this worker knows of.

A connection that is lost in the wrong moment, or a time in which others judged us dead, leaves
such tasks behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from igwn_alert_celery.redelivery.link import Linked
from igwn_alert_celery.redelivery.tracker import Tracker

__all__ = ["EVERY_S", "Audit"]

logger = logging.getLogger(__name__)

#: Between two looks, seconds: what is known to nobody at both is given back.
EVERY_S = 10.0


class Audit:
    """For the heart's thread; raises what redis-py does.

    Parameters
    ----------
    tracker : Tracker
    running_tags : callable
        Returns the delivery tags of the tasks that run.
    """

    def __init__(self, tracker: Tracker, running_tags: Callable[[], set[str]]) -> None:
        self._tracker = tracker
        self._running_tags = running_tags
        self._suspects: set[str] = set()
        self._looked_at = time.monotonic()

    def look(self, linked: Linked) -> int:
        """Look, when it is time; return how many tasks were given back."""
        now = time.monotonic()
        if now - self._looked_at < EVERY_S:
            return 0
        self._looked_at = now
        mine = linked.unacked(self._tracker.incarnation)
        unknown = set(mine.tags())
        known = self._known()
        if known is None:
            return 0
        unknown -= known
        lost, self._suspects = unknown & self._suspects, unknown - self._suspects
        for tag in lost:
            mine.put_back(tag)
        if lost:
            logger.warning("%d tasks that this worker had lost sight of are given back", len(lost))
        return len(lost)

    def _known(self) -> set[str] | None:
        channel = self._tracker.channel
        if channel is None:
            return None
        try:
            found: set[str] = channel.qos.known_tags()
            return found | self._running_tags() | self._tracker.tags_to_say
        except RuntimeError:
            # The main thread has changed one of them meanwhile; the next look will do.
            return None
