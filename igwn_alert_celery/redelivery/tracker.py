# SPDX-License-Identifier: BSD-3-Clause
"""What this worker holds, between its main thread and the heart's: settled now, or soon.

Redis may be away just when a handler has ended. Then what was to be said to it is kept, and said
by the heart when it answers again; the worker's main loop does not wait for it meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.redelivery.link import Link, Linked
from igwn_alert_celery.redelivery.unacked import Unacked

__all__ = ["Tracker", "tag_of"]

logger = logging.getLogger(__name__)

_PAUSE_S = 1.0
_Said = tuple[str, Callable[[Unacked], None]]


class Tracker:
    """For the main thread, but for :meth:`drain`, and :meth:`started` in pools of threads.

    Parameters
    ----------
    link : Link
        The main thread's.
    incarnation : str
        This worker's.
    in_process : bool
        Whether handlers run in this very process, and can take it down with them.

    Attributes
    ----------
    popping_since : float or None
        Monotonic time since when this worker waits for a message. The answer may be on its way:
        popped from its queue, and known to nobody else.
    channel : kombu.transport.redis.Channel or None
        Where it waits.
    asked_at : float
        Monotonic time when it asked for a message last.
    reconnected : int
        How often the consumer has connected.
    """

    def __init__(self, link: Link, incarnation: str, *, in_process: bool) -> None:
        self.link = link
        self.incarnation = incarnation
        self.popping_since: float | None = None
        self.channel: Any = None
        self.asked_at = time.monotonic()
        self.reconnected = 0
        self._in_process = in_process
        self._later: deque[_Said] = deque()
        self._ids: deque[str] = deque()
        self._away_until = 0.0

    def asks(self, channel: Any) -> None:
        """Note that a channel asks for a message."""
        self.channel, self.asked_at = channel, time.monotonic()
        self.popping_since = self.asked_at

    def started(self, task_id: str) -> None:
        """Note that a handler begins to run, at the latest in a tenth of a second."""
        if self._in_process and self.link.is_open and time.monotonic() > self._away_until:
            # Now: it may take this process down before the heart has said so.
            self._say("", lambda unacked: unacked.started([task_id]))
        else:
            self._ids.append(task_id)

    def hold(self, tag: str, text: str) -> None:
        """Note a message that was popped, as kombu would have done."""
        self._say(tag, lambda unacked: unacked.hold(tag, text))

    def settle(self, tag: str, task_id: str) -> None:
        """Forget a task that is handled or given up."""
        self._say(tag, lambda unacked: unacked.settle(tag, task_id))

    def put_back(self, tag: str, *, leftmost: bool) -> None:
        """Give a task back to its queue."""
        self._say(tag, lambda unacked: unacked.put_back(tag, leftmost=leftmost))

    def reconcile(self, running: set[str]) -> int:
        """Give back what an earlier connection of this worker had, but for what still runs.

        Parameters
        ----------
        running : set of str
            Delivery tags of tasks that run.

        Returns
        -------
        int
            How many were given back.

        Raises
        ------
        TaskBrokerUnavailable
        """
        self.reconnected += 1
        self.popping_since = self.channel = None
        keep = running | self.tags_to_say
        with self.link.using() as linked:
            mine = linked.unacked(self.incarnation)
            lost = [tag for tag in mine.tags() if tag not in keep]
            for tag in lost:
                mine.put_back(tag)
        return len(lost)

    @property
    def waits(self) -> bool:
        """Whether something waits to be said."""
        return bool(self._later or self._ids)

    @property
    def tags_to_say(self) -> set[str]:
        """Tags of which something waits to be said."""
        return {tag for tag, _ in list(self._later)}

    def drain(self, linked: Linked) -> None:
        """Say what could not be said before; for the heart."""
        mine = linked.unacked(self.incarnation)
        while self._later:
            # It stays first until it is said.
            self._later[0][1](mine)
            self._later.popleft()
        ids = [self._ids.popleft() for _ in range(len(self._ids))]
        if ids:
            mine.started(ids)

    def _say(self, tag: str, what: Callable[[Unacked], None]) -> None:
        if self._later or time.monotonic() < self._away_until:
            self._later.append((tag, what))
            return
        try:
            with self.link.using() as linked:
                what(linked.unacked(self.incarnation))
        except Exception as exc:
            # Border: nothing that goes wrong here may keep a handler from running, or a worker.
            expected = isinstance(exc, TaskBrokerUnavailable)
            logger.warning(
                "%s; what has become of tasks is said when it answers again",
                exc,
                exc_info=None if expected else exc,
            )
            self._away_until = time.monotonic() + _PAUSE_S
            self._later.append((tag, what))


def tag_of(request: Any) -> str:
    """Return the delivery tag of a request of Celery's."""
    return str(request.message.delivery_tag)
