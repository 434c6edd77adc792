# SPDX-License-Identifier: BSD-3-Clause
"""Redelivery on other task brokers: theirs, and a bound on attempts.

RabbitMQ gives back what a lost connection held. How often it has done so it tells only for quorum
queues (the header ``x-delivery-count``, https://www.rabbitmq.com/docs/quorum-queues); elsewhere a
task that has been redelivered once and kills its process again is given up.
"""

from __future__ import annotations

from typing import Any

from igwn_alert_celery.publisher.letters import keep_letter
from igwn_alert_celery.redelivery.letters import message_letter
from igwn_alert_celery.redelivery.unknown import Unknown

__all__ = ["PlainRedelivery"]

_COUNT = "x-delivery-count"


class PlainRedelivery:
    """The same for a worker that is not on Redis, or has ``igwn_alert_redelivery = False``."""

    def __init__(self, bridge: Any) -> None:
        self._bridge = bridge
        self.max_attempts: int = bridge.settings.max_attempts
        self.unknown = Unknown(self.keep_message, bridge.settings.unknown_task_s)

    @property
    def lost_errors(self) -> tuple[type[Exception], ...]:
        """Nothing but what kombu calls an error of the connection."""
        return ()

    def start(self) -> None:
        """Start nothing: the task broker does it."""

    def connection(self, heartbeat: Any) -> Any:
        """Return a connection for the consumer, as the app makes it."""
        return self._bridge.app.connection_for_read(heartbeat=heartbeat)

    def connected(self, consumer: Any) -> None:
        """Note nothing: the task broker has given back what the lost connection held."""

    def disconnected(self) -> None:
        """Note nothing: what runs cannot be acknowledged any more, and comes again."""

    def let_go(self) -> None:
        """Free nothing."""

    def started(self, request: Any) -> None:
        """Note nothing."""

    def lost(self, request: Any) -> int:
        """Return how often a handler's process was lost, as far as the task broker tells."""
        before = (request.message.headers or {}).get(_COUNT)
        if before is not None:
            return int(before) + 1
        # One redelivery, whatever the limit: nobody counts further.
        return self.max_attempts if request.delivery_info["redelivered"] else 1

    def keep_message(self, message: Any, reason: str, error: str, traceback: str = "") -> None:
        """Keep a message as a dead letter; blocks.

        Raises
        ------
        TaskBrokerUnavailable
            It could not be kept.
        """
        prefix = self._bridge.settings.topic_prefix
        keep_letter(self._bridge, message_letter(message, prefix, reason, error, traceback))
        self._bridge.metrics.counters["dead_letters"] += 1

    def leave(self) -> None:
        """Sign off nowhere."""

    def info(self) -> dict[str, Any]:
        """Return nothing to tell."""
        return {}
