# SPDX-License-Identifier: BSD-3-Clause
"""Redelivery in one worker on Redis: its parts, and what the worker tells them."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from typing import Any

from celery.worker import state
from redis.exceptions import RedisError

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.channel import use_channels
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.redelivery.audit import Audit
from igwn_alert_celery.redelivery.channel import tracking
from igwn_alert_celery.redelivery.consumer import connect_anew
from igwn_alert_celery.redelivery.deaf import DeafWatch
from igwn_alert_celery.redelivery.heart import Heart
from igwn_alert_celery.redelivery.keeper import Keeper
from igwn_alert_celery.redelivery.keys import transport_options
from igwn_alert_celery.redelivery.letters import message_letter
from igwn_alert_celery.redelivery.link import Link
from igwn_alert_celery.redelivery.registry import beat, leave
from igwn_alert_celery.redelivery.restore import Restorer
from igwn_alert_celery.redelivery.sweep import Sweep
from igwn_alert_celery.redelivery.tracker import Tracker, tag_of
from igwn_alert_celery.redelivery.unknown import Unknown
from igwn_alert_celery.worker.announce import announce_letter

__all__ = ["RedisRedelivery"]

logger = logging.getLogger(__name__)

_STOP_S = 5.0
_LIMITS = ("socket_timeout", "socket_connect_timeout")
_KEYS = ("unacked_key", "unacked_index_key", "unacked_mutex_key")


class RedisRedelivery:
    """What a worker holds comes back when it dies.

    Parameters
    ----------
    bridge : IGWNAlert
    nodename : str
        The worker's; its incarnation is this and something random.
    in_process : bool
        Whether handlers run in the worker's main process.
    """

    def __init__(self, bridge: Any, nodename: str, *, in_process: bool) -> None:
        self._bridge = bridge
        self._consumer: Any = None
        # Of a lost connection's tasks, Celery takes those that wait away from prefork's pool
        # alone; in every other pool they run later.
        self._forgets_waiting = not in_process
        self._waiting: list[Any] = []
        app, settings = bridge.app, bridge.settings
        self.max_attempts: int = settings.max_attempts
        self.incarnation = f"{nodename}:{uuid.uuid4().hex[:12]}"
        self.counters: Counter[str] = Counter()
        self._link = Link(app, settings)
        self._tracker = Tracker(self._link, self.incarnation, in_process=in_process)
        self.unknown = Unknown(self.keep_message, settings.unknown_task_s)
        keeper = Keeper(
            app, settings, lambda letter: announce_letter(bridge, bridge.metrics, letter)
        )
        self._heart = Heart(
            Link(app, settings),
            self._tracker,
            Restorer(keeper),
            Sweep(
                self.incarnation,
                keeper,
                lambda: list(app.amqp.queues),
                lambda linked: self._heart.pulse(linked),  # noqa: PLW0108 - made below
            ),
            DeafWatch(
                self._tracker,
                self._task_channel,
                lambda: in_process and bool(state.active_requests),
                lambda: connect_anew(self._consumer),
            ),
            Audit(self._tracker, self._running),
            self.counters,
        )

    @property
    def lost_errors(self) -> tuple[type[Exception], ...]:
        """What Redis answers, such as READONLY or OOM, is no reason to end the worker either."""
        return (RedisError,)

    def start(self) -> None:
        """Start the heart; does not block."""
        self._heart.start()

    def connection(self, heartbeat: Any) -> Any:
        """Return a connection for the consumer, not open yet."""
        app = self._bridge.app
        options = app.conf.broker_transport_options or {}
        # Also where the receiver's step, which does the same, has nothing to do.
        timeout_s = self._bridge.settings.task_broker_timeout_s
        limits = {name: options.get(name, timeout_s) for name in _LIMITS}
        connection = app.connection_for_read(
            heartbeat=heartbeat,
            transport_options={**limits, **transport_options(self.incarnation)},
        )
        use_channels(
            connection,
            lambda usual: tracking(
                usual,
                self._tracker,
                {name: options.get(name, getattr(usual, name)) for name in _KEYS},
                self._running_tags,
            ),
        )
        return connection

    def disconnected(self) -> None:
        """Note that the connection is lost: which tasks go on all the same."""
        if not self._forgets_waiting:
            self._waiting = [*self._still_waiting(), *state.reserved_requests]

    def let_go(self) -> None:
        """Free what the lost connection has left behind."""
        self._tracker.channels.let_go()

    def connected(self, consumer: Any) -> None:
        """Note that the consumer is connected, perhaps again; blocks on Redis."""
        self._consumer = consumer
        self._waiting = self._still_waiting()
        try:
            with self._link.using() as linked:
                # At once: it may be killed before its heart beats.
                beat(linked, self.incarnation, None)
            count = self._tracker.reconcile(self._running_tags())
        except TaskBrokerUnavailable as exc:
            raise ConnectionError(str(exc)) from exc
        if count:
            logger.info("igwn-alert: %d tasks of the lost connection are given back", count)

    def started(self, request: Any) -> None:
        """Note that a handler begins to run."""
        self._tracker.started(request.id)

    def lost(self, request: Any) -> int:
        """Count that a handler's process was lost; return how often, 0 when nobody knows."""
        try:
            with self._link.using() as linked:
                return int(linked.client.hincrby(linked.keys.attempts, request.id, 1))
        except TaskBrokerUnavailable as exc:
            logger.error("an attempt of %s is not counted: %s", request.id, exc)
            return 0

    def keep_message(self, message: Any, reason: str, error: str, traceback: str = "") -> None:
        """Keep a message as a dead letter, before it is settled; blocks on Redis."""
        prefix = self._bridge.settings.topic_prefix
        letter: DeadLetter = message_letter(message, prefix, reason, error, traceback)
        self._tracker.keep(letter)
        announce_letter(self._bridge, self._bridge.metrics, letter)

    def leave(self) -> None:
        """Give back what is left and sign off; bounded."""
        if not self._heart.stop(_STOP_S):
            logger.error("igwn-alert: the heart did not stop; others find this worker dead soon")
            return
        try:
            with self._link.using() as linked:
                mine = linked.unacked(self.incarnation)
                for tag in mine.tags():
                    mine.put_back(tag)
                leave(linked, self.incarnation)
        except TaskBrokerUnavailable as exc:
            logger.warning("could not sign off: %s; others give back its tasks soon", exc)
        finally:
            self._link.close()

    def info(self) -> dict[str, Any]:
        """Return what it has done, from memory, JSON-safe."""
        return {
            "incarnation": self.incarnation,
            "peers": self._heart.peers,
            **{name: count for name, count in self.counters.copy().items() if count},
        }

    def _running_tags(self) -> set[str]:
        return {tag_of(request) for request in self._running()}

    def _running(self) -> list[Any]:
        return [*state.active_requests, *self._still_waiting()]

    def _still_waiting(self) -> list[Any]:
        return [request for request in self._waiting if not request.acknowledged]

    def _task_channel(self) -> Any:
        consumer = getattr(self._consumer, "task_consumer", None)
        return getattr(consumer, "channel", None)
