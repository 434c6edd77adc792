# SPDX-License-Identifier: BSD-3-Clause
"""Notices a consumer that takes no messages any more though some wait, and has it connect anew.

It happens after a connection was lost: the worker is connected, answers ``inspect ping``, and
consumes nothing (https://github.com/celery/celery/issues/8030,
https://github.com/celery/celery/issues/8091, https://github.com/celery/celery/issues/10205).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.redelivery.link import Linked
from igwn_alert_celery.redelivery.tracker import Tracker

__all__ = ["DEAF_S", "DeafWatch"]

logger = logging.getLogger(__name__)

#: After so long, seconds, without a question for messages that it could take.
DEAF_S = 20.0


class DeafWatch:
    """For the heart's thread; raises what redis-py does.

    Parameters
    ----------
    tracker : Tracker
    task_channel : callable
        Returns the channel of Celery's own consumer, or None.
    is_busy : callable
        Whether the main thread runs a handler itself, and cannot ask meanwhile.
    connect_anew : callable
        Has the consumer connect anew.
    """

    def __init__(
        self,
        tracker: Tracker,
        task_channel: Callable[[], Any],
        is_busy: Callable[[], bool],
        connect_anew: Callable[[], None],
    ) -> None:
        self._tracker = tracker
        self._task_channel = task_channel
        self._is_busy = is_busy
        self._connect_anew = connect_anew
        self._free_since: float | None = None

    def look(self, linked: Linked) -> bool:
        """Look once; return whether it was found deaf."""
        channel = self._task_channel()
        asked_at = self._tracker.channels.asked_at(channel)
        now = time.monotonic()
        if asked_at is None or channel.closed or self._is_busy() or not channel.qos.can_consume():
            self._free_since = None
            return False
        if self._free_since is None:
            self._free_since = now
        # Asked long ago, and free to ask since then; the answer comes within seconds.
        if now - max(asked_at, self._free_since) < DEAF_S or not self._some_wait(linked, channel):
            return False
        logger.critical(
            "igwn-alert: this worker has not asked for tasks for %g s though some wait; it "
            "connects to the task broker anew",
            DEAF_S,
        )
        self._free_since = now
        self._connect_anew()
        return True

    def _some_wait(self, linked: Linked, channel: Any) -> bool:
        prefix = linked.keys.prefix
        keys = [
            f"{prefix}{channel._q_for_pri(queue, step)}"  # noqa: SLF001 - kombu's name for it
            for queue in list(channel.active_queues)
            for step in channel.priority_steps
        ]
        return any(linked.client.llen(key) for key in keys)
