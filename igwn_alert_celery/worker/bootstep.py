# SPDX-License-Identifier: BSD-3-Clause
"""The bootstep: from Celery's start and stop to the supervisor's."""

from __future__ import annotations

import logging
import os
from typing import Any

import click
from celery import Celery, bootsteps, signals

from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.metrics import State
from igwn_alert_celery.worker.control import register_commands
from igwn_alert_celery.worker.ending import end_worker
from igwn_alert_celery.worker.redis_limits import bound_redis_calls
from igwn_alert_celery.worker.supervisor import Supervisor

__all__ = ["install"]

logger = logging.getLogger(__name__)


class ReceiverStep(bootsteps.StartStopStep):
    """In the worker blueprint: the consumer's restarts with every loss of the task broker."""

    label = "igwn-alert"
    requires = ("celery.worker.components:Pool",)
    bridge: Any = None

    def __init__(self, worker: Any, igwn_alert: bool | None = None, **options: Any) -> None:
        self._flag = igwn_alert
        self._supervisor: Supervisor | None = None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        """Start the receiver; a failure refuses only where somebody has asked for that."""
        metrics = self.bridge.metrics
        try:
            if self._flag is False or not self._wanted():
                metrics.state = State.DISABLED
                return
            bound_redis_calls(worker.app, self.bridge.settings.task_broker_timeout_s)
            self._supervisor = Supervisor(self.bridge)
        except ConfigError as exc:
            if self._flag or self._is_fatal():
                logger.critical("igwn-alert: the worker does not start: %s", exc)
                raise SystemExit(os.EX_CONFIG) from exc
            metrics.state, metrics.detail = State.FAILED, str(exc)
            logger.error("igwn-alert: the receiver does not run: %s", exc)
            return
        except Exception as exc:
            # Border: a fault of ours must not keep the worker from its other tasks.
            metrics.state, metrics.detail = State.FAILED, repr(exc)
            logger.exception("igwn-alert: the receiver does not run")
            if self._is_fatal():
                end_worker(f"the receiver does not run: {exc!r}")
            return
        signals.worker_shutting_down.connect(self._shutting_down)
        self._supervisor.start()

    def stop(self, worker: Any) -> None:
        """Stop the receiver; bounded."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            signals.worker_shutting_down.disconnect(self._shutting_down)
            supervisor.stop()

    terminate = stop

    def info(self, worker: Any) -> dict[str, Any]:
        """Return what ``celery inspect stats`` shows, from memory."""
        status = self.bridge.status()
        return {"igwn-alert": status, "igwn-alert-topics": status["topics"]}

    def _wanted(self) -> bool:
        if self._flag is not None:
            return bool(self._flag)
        enabled = self.bridge.settings.enabled
        if enabled is None:
            return bool(self.bridge.topics)
        return enabled is True

    def _is_fatal(self) -> bool:
        try:
            return bool(self.bridge.settings.on_failure == "shutdown")
        except Exception:
            # The same border: perhaps it is the settings that cannot be read.
            logger.debug("igwn-alert: on_failure is not known", exc_info=True)
            return False

    def _shutting_down(self, **_: Any) -> None:
        if self._supervisor is not None:
            self._supervisor.request_stop()


def install(app: Celery, bridge: Any) -> None:
    """Add the step and the option ``--igwn-alert/--no-igwn-alert`` to the app's worker."""
    register_commands()
    step = type("ReceiverStep", (ReceiverStep,), {"bridge": bridge, "name": "igwn-alert"})
    app.steps["worker"].add(step)
    app.user_options["worker"].add(
        click.Option(
            ["--igwn-alert/--no-igwn-alert"],
            default=None,
            help="Listen to igwn-alerts in this worker, or not (default: igwn_alert_enabled).",
        )
    )
