# SPDX-License-Identifier: BSD-3-Clause
"""Handlers' tasks that this worker does not know: a newer worker's, in a rolling deployment.

Celery throws an unknown task away. These go back to their queue after a pause, where a worker that
knows them takes them, and become dead letters when none has done so for long.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.errors import RetryableError

__all__ = ["Unknown"]

logger = logging.getLogger(__name__)

PAUSE_S = 2.0
_MOST = 10_000


class Unknown:
    """For the worker's main thread.

    Parameters
    ----------
    keep : callable
        Keeps a message as a dead letter: message, reason, error.
    limit_s : float
        For how long, seconds since this worker has seen a task first.
    """

    def __init__(self, keep: Callable[[Any, str, str], None], limit_s: float) -> None:
        self._keep = keep
        self._limit_s = limit_s
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._said: set[str] = set()

    def take(self, consumer: Any, message: Any) -> None:
        """Hold a message for a moment and put it back, or keep it as a dead letter."""
        name, task_id = message.headers["task"], message.headers["id"]
        now = time.monotonic()
        first = self._seen.setdefault(task_id, now)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)
        if now - first > self._limit_s and self._keep_it(name, task_id, message):
            message.reject_log_error(logger, consumer.connection_errors)
            return
        if name not in self._said:
            self._said.add(name)
            logger.warning(
                "the task %s is not known here: it is left to a worker that knows it (is this one "
                "older, or does it not import the module?)",
                name,
            )
        self._hold(consumer, message)

    def _keep_it(self, name: str, task_id: str, message: Any) -> bool:
        error = f"no worker has known the task {name} for {self._limit_s:g} s"
        try:
            self._keep(message, "unknown_task", error)
        except RetryableError as exc:
            logger.error("%s[%s] cannot be kept as a dead letter yet: %s", name, task_id, exc)
            return False
        self._seen.pop(task_id, None)
        return True

    def _hold(self, consumer: Any, message: Any) -> None:
        # As Celery does for tasks with an ETA: what is held must not fill the prefetch window.
        qos = consumer.qos
        qos.increment_eventually()

        def release() -> None:
            message.reject_log_error(logger, consumer.connection_errors, requeue=True)
            qos.decrement_eventually()

        consumer.timer.call_after(PAUSE_S, consumer.call_soon, (release,))
