# SPDX-License-Identifier: BSD-3-Clause
"""A handler's task in the worker's main process: what follows when it starts, fails or kills.

A request class is Celery's documented way to see this for every pool
(https://docs.celeryq.dev/en/stable/userguide/tasks.html#requests-and-custom-requests).
"""

from __future__ import annotations

import logging
from typing import Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery.exceptions import Ignore, Reject, Retry
from celery.worker.request import Request

from igwn_alert_celery.errors import HandlerKilledProcess, RetryableError
from igwn_alert_celery.redelivery.channel import STAYS
from igwn_alert_celery.task import HEADER

__all__ = ["HandlerRequest"]

logger = logging.getLogger(__name__)

# What Celery does not take for a failure.
_NO_FAILURE = (Ignore, Reject, Retry, Terminated)
_LOST = (WorkerLostError, SystemExit, KeyboardInterrupt)


class HandlerRequest(Request):
    """Counts attempts and keeps what has failed for good as a dead letter."""

    _kept = False

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note that it runs."""
        redelivery = self._redelivery
        if redelivery is not None:
            redelivery.started(self)
        super().on_accepted(pid, time_accepted)

    def on_retry(self, exc_info: Any) -> None:
        """Leave it outstanding: Celery has sent it again."""
        setattr(self.message, STAYS, True)
        super().on_retry(exc_info)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Keep what was killed by its hard time limit, where it does not run again."""
        ends = not soft and self.task.acks_late and _ends_at_timeout(self.task)
        if ends and not self._keep("failed", repr(TimeLimitExceeded(timeout)), ""):
            self.reject(requeue=True)
            return
        super().on_timeout(soft, timeout)

    def on_failure(
        self,
        exc_info: Any,
        send_failed_event: bool = True,  # noqa: FBT002 - Celery's
        return_ok: bool = False,  # noqa: FBT002
    ) -> Any:
        """Keep it as a dead letter, where neither a retry nor another attempt follows."""
        exc = _exception(exc_info)
        if isinstance(exc, _LOST) and not (self._already_cancelled or self._already_revoked):
            killed = self._given_up()
            if killed is None:
                return super().on_failure(exc_info, send_failed_event, return_ok)
            exc_info, exc, return_ok = killed, _exception(killed), False
        elif isinstance(exc, (*_NO_FAILURE, *_LOST, MemoryError)):
            return super().on_failure(exc_info, send_failed_event, return_ok)
        reason = "killed_process" if isinstance(exc, HandlerKilledProcess) else "failed"
        if not self._keep(reason, _text(exc), str(exc_info.traceback or "")):
            # Nothing is lost: it comes again.
            return self.reject(requeue=True)
        return super().on_failure(exc_info, send_failed_event, return_ok)

    @property
    def _redelivery(self) -> Any:
        bridge = getattr(self.task, "igwn_alert", None)
        return getattr(bridge, "redelivery", None)

    def _given_up(self) -> Any:
        """Return how to end it, when it has killed its process often enough; else None."""
        redelivery = self._redelivery
        if redelivery is None or not self.task.reject_on_worker_lost:
            return None
        attempts = redelivery.lost(self)
        if attempts < redelivery.max_attempts:
            return None
        return _info_of(HandlerKilledProcess(self.name, attempts))

    def _keep(self, reason: str, error: str, traceback: str) -> bool:
        """Keep it as a dead letter; return whether that has worked, or was not called for."""
        redelivery = self._redelivery
        if redelivery is None or self._kept or self.message.headers.get(HEADER) is None:
            return True
        try:
            redelivery.keep_message(self.message, reason, error, traceback)
        except RetryableError as exc:
            logger.error("%s[%s] cannot be kept as a dead letter yet: %s", self.name, self.id, exc)
            return False
        self._kept = True
        return True


def _exception(exc_info: Any) -> BaseException:
    exc: BaseException = exc_info.exception
    return exc.exc if isinstance(exc, ExceptionWithTraceback) else exc


def _info_of(exc: Exception) -> Any:
    def fail() -> None:
        raise exc

    try:
        fail()
    except HandlerKilledProcess:
        return ExceptionInfo()


def _ends_at_timeout(task: Any) -> bool:
    # Two settings since Celery 5.7.
    return bool(getattr(task, "acks_on_timeout", task.acks_on_failure_or_timeout))


def _text(exc: BaseException) -> str:
    return str(exc) if isinstance(exc, HandlerKilledProcess) else repr(exc)
