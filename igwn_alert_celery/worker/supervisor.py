# SPDX-License-Identifier: BSD-3-Clause
"""Keeps a receiver running: restarts it with back-off, and says what is wrong.

With ``igwn_alert_on_failure = "shutdown"`` the worker ends instead, where waiting does not help: an
unexpected exception, a configuration that cannot work, a thread that is stuck. A server that is
away, and what may be mended at any moment (a permission, a password), always is waited for.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack
from typing import Any

from igwn_alert_celery import signals
from igwn_alert_celery.errors import (
    ConfigError,
    ForeignLedgerError,
    KafkaRefused,
    RetryableError,
)
from igwn_alert_celery.metrics import State
from igwn_alert_celery.native import start_native_thread
from igwn_alert_celery.worker.assembly import Plan, connect
from igwn_alert_celery.worker.ending import end_worker
from igwn_alert_celery.worker.long_lived import leave_alone
from igwn_alert_celery.worker.receiver import Receiver
from igwn_alert_celery.worker.signalling import send_signal
from igwn_alert_celery.worker.watchdog import Watchdog

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

LEAST_BACKOFF_S = 0.5
MOST_BACKOFF_S = 10.0
LONG_ENOUGH_S = 60.0
_AGAIN = "; it is started again"
STOP_S = 15.0
# It has been waited for already.
STUCK_STOP_S = 2.0
# Another deployment may end, a password or a permission may be on its way.
_MAY_HEAL = (ForeignLedgerError, KafkaRefused)


class Supervisor:
    """Owns the receiver's thread in one worker process.

    Raises
    ------
    ConfigError
        The configuration cannot work, whatever the servers say.
    """

    def __init__(self, bridge: Any) -> None:
        self._bridge = bridge
        self._metrics = bridge.metrics
        self._receiver: Receiver | None = None
        self._stopping = False
        self._finished = True
        self._has_run = False
        plan = Plan.of(bridge, os.environ)
        plan.describe(self._metrics)
        settings = plan.settings
        self._is_fatal = settings.on_failure == "shutdown"
        # A call to a silent task broker, and once more, is no thread that is stuck.
        limit_s = max(settings.stuck_after_s, 2 * settings.task_broker_timeout_s)
        self._watchdog = Watchdog(self._metrics, limit_s, self._failed)

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._stopping, self._finished = False, False
        self._watchdog.start()
        start_native_thread(self._run, "igwn-alert-receiver")

    def request_stop(self) -> None:
        """Ask for the end; only sets flags, so a signal handler may call it."""
        self._stopping = True
        receiver = self._receiver
        if receiver is not None:
            receiver.stop()

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Ask for the end and wait for it; returns whether it came within the time."""
        self.request_stop()
        if self._metrics.stuck is not None:
            timeout_s = min(timeout_s, STUCK_STOP_S)
        deadline = time.monotonic() + timeout_s
        while not self._finished and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self._finished:
            logger.error(
                "the receiver did not end within %g s; the worker ends without it", timeout_s
            )
        return self._finished

    def _run(self) -> None:
        backoff_s = LEAST_BACKOFF_S
        self._watchdog.watch_me()
        self._set(State.STARTING)
        leave_alone()
        try:
            while not self._stopping:
                began = time.monotonic()
                self._metrics.beats += 1
                if not self._attempt():
                    return
                long = time.monotonic() - began > LONG_ENOUGH_S
                backoff_s = LEAST_BACKOFF_S if long else min(2 * backoff_s, MOST_BACKOFF_S)
                self._wait(backoff_s)
        finally:
            if self._metrics.state is not State.FAILED:
                ended = (
                    (State.STOPPED,) if self._stopping else (State.FAILED, "its thread has ended")
                )
                self._set(*ended)
            self._watchdog.stop()
            self._finished = True

    def _attempt(self) -> bool:
        """Run one receiver to its end; return whether another is worth trying."""
        try:
            self._receive()
        except ConfigError as exc:
            # A file may just be written anew; what never worked needs a hand.
            again = self._has_run or isinstance(exc, _MAY_HEAL)
            if self._metrics.detail != str(exc):
                more = "; it goes on trying" if again else ""
                logger.error("igwn-alert: the receiver does not run: %s%s", exc, more)
            self._set(State.FAILED, str(exc))
            if not again:
                self._failed(str(exc))
            return again
        except RetryableError as exc:
            if self._metrics.detail != str(exc):
                logger.error("the receiver cannot start yet: %s; it goes on trying", exc)
            self._set(State.STARTING, str(exc))
        except BaseException as exc:
            # Border of the receiver's thread, where SystemExit and a green time-out end too:
            # whatever it was, it is seen, and tried again.
            self._metrics.counters["failures"] += 1
            self._set(State.FAILED, repr(exc))
            logger.exception("the receiver failed%s", "" if self._is_fatal else _AGAIN)
            self._failed(f"the receiver failed: {exc!r}")
            return not self._is_fatal
        return True

    def _failed(self, reason: str) -> None:
        """End the worker, if it is to end with its receiver."""
        if self._is_fatal and not self._stopping:
            end_worker(reason)

    def _receive(self) -> None:
        # Anew each time, so that a credential that was changed meanwhile is found.
        plan = Plan.of(self._bridge, os.environ)
        with ExitStack() as closing:
            self._receiver = connect(plan, self._set, closing)
            closing.callback(self._let_go)
            if self._metrics.state is State.FAILED:
                self._set(State.STARTING)
            if not self._stopping:
                self._has_run = True
                self._receiver.run()

    def _let_go(self) -> None:
        self._receiver = None

    def _set(self, state: State, detail: str = "") -> None:
        before = self._metrics.state
        self._metrics.state, self._metrics.detail = state, detail
        if state is before:
            return
        if state in {State.KAFKA_AWAY, State.TASK_BROKER_AWAY}:
            logger.error("receiver: %s (%s); it goes on by itself", state.value, detail)
        else:
            logger.info("receiver: %s", state.value)
        send_signal(signals.receiver_state_changed, self._bridge, state=state.value, detail=detail)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            self._metrics.beats += 1
            time.sleep(0.05)
