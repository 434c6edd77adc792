# SPDX-License-Identifier: BSD-3-Clause
"""The bootstep that brings redelivery into a worker."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, bootsteps
from celery.utils.imports import symbol_by_name

from igwn_alert_celery.enqueue.outstanding import is_noted
from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.redelivery.consumer import consuming
from igwn_alert_celery.redelivery.plain import PlainRedelivery
from igwn_alert_celery.redelivery.service import RedisRedelivery

__all__ = ["install_redelivery"]

logger = logging.getLogger(__name__)


class RedeliveryStep(bootsteps.StartStopStep):
    """In every worker of the app, whether it listens to Kafka or not."""

    label = "igwn-alert redelivery"
    requires = ("celery.worker.components:Pool",)
    bridge: Any = None

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._redelivery: Any = None
        try:
            self._redelivery = self._make(worker)
        except ConfigError as exc:
            # The receiver's step says what is wrong, and whether the worker starts.
            logger.debug("igwn-alert: no redelivery: %s", exc)
            return
        self.bridge.redelivery = self._redelivery
        # Before the consumer is made: its step is the last one.
        usual = symbol_by_name(worker.consumer_cls)
        worker.consumer_cls = consuming(usual, self._redelivery)

    def start(self, worker: Any) -> None:
        """Start what runs beside the worker; the consumer ends it when it has shut down."""
        if self._redelivery is not None:
            self._redelivery.start()

    def info(self, worker: Any) -> dict[str, Any]:
        """Return what ``celery inspect stats`` shows, from memory."""
        return {"igwn-alert-redelivery": self._redelivery.info() if self._redelivery else {}}

    def _make(self, worker: Any) -> Any:
        if not is_noted(self.bridge.app, self.bridge.settings):
            return PlainRedelivery(self.bridge)
        pool: str = getattr(worker.pool_cls, "__module__", str(worker.pool_cls))
        in_process = "prefork" not in pool
        return RedisRedelivery(self.bridge, worker.hostname, in_process=in_process)


def install_redelivery(app: Celery, bridge: Any) -> None:
    """Add the step to the app's workers."""
    name = "igwn-alert-redelivery"
    app.steps["worker"].add(
        type("RedeliveryStep", (RedeliveryStep,), {"bridge": bridge, "name": name})
    )
