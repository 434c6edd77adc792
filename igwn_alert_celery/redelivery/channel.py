# SPDX-License-Identifier: BSD-3-Clause
"""kombu's Redis channel for consuming, which knows what becomes of each message.

Where kombu and Celery fall short, this is the one place that mends it:

- a message acknowledged, or given back, after its connection was lost raises AttributeError, which
  ends the worker: kombu makes a client for a connection that is closed
  (https://github.com/celery/kombu/issues/582, https://github.com/celery/kombu/issues/970);
- closing a lost connection gives back tasks that still run;
- a channel whose connection was lost keeps its sockets as long as the worker lives, as kombu's
  finalizer for its messages keeps it;
- tasks held for longer than ``visibility_timeout`` are given back although they run
  (https://github.com/celery/celery/issues/5935).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kombu.transport import virtual
from kombu.transport.redis import QoS
from kombu.utils.json import dumps
from redis.exceptions import ResponseError

from igwn_alert_celery.redelivery.tracker import Tracker
from igwn_alert_celery.redelivery.unacked import task_id_of
from igwn_alert_celery.task import HEADER

__all__ = ["STAYS", "tracking"]

logger = logging.getLogger(__name__)

#: Set on a message whose task has been sent again by Celery's retry: it stays outstanding.
STAYS = "igwn_alert_stays_outstanding"


class TrackedQoS(QoS):
    """kombu's book-keeping of a channel's messages, told to the tracker."""

    tracker: Tracker
    default_keys: Mapping[str, str]
    running_tags: Callable[[], set[str]]
    _default: Any = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]
        self._still_running: dict[str, Any] = {}

    def append(self, message: Any, delivery_tag: str) -> None:
        """Hold a message that was popped."""
        if HEADER in message.headers and self.tracker.link.is_open:
            self._post(message, delivery_tag)
            return
        try:
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]
        except Exception as exc:  # noqa: BLE001 - told and kept
            # Border: popped it is, and in no queue any more. It is noted as soon as Redis takes it.
            logger.warning("a task is held though Redis does not note it yet: %r", exc)
            self.tracker.hold(delivery_tag, _text(message))
            virtual.QoS.append(self, message, delivery_tag)
        # Before it is handed over: in a solo pool that takes as long as its handler.
        self.tracker.channels.answered(self.channel)

    def _post(self, message: Any, delivery_tag: str) -> None:
        """Note a handler's task without waiting for it; lost it is not, as it is outstanding."""
        channels, channel = self.tracker.channels, self.channel
        asked_at = channels.asked_at(channel)
        noted = partial(channels.answered, channel, asked_at)
        self.tracker.hold(delivery_tag, _text(message), noted)
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that is handled."""
        task_id, stays = self._done_with(delivery_tag)
        self.tracker.settle(delivery_tag, task_id, stays=stays)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT002 - kombu's
        """Forget a message, or give it back."""
        task_id, stays = self._done_with(delivery_tag)
        if requeue:
            self.tracker.put_back(delivery_tag, task_id, leftmost=True)
        else:
            self.tracker.settle(delivery_tag, task_id, stays=stays)

    def restore_unacked(self, client: Any = None) -> None:
        """Give back what was delivered and does not run, when the channel is closed."""
        running = self.running_tags()
        for tag, message in list(self._delivered.items()):
            if tag in running:
                # It is acknowledged here when it ends, whatever has become of the connection.
                self._still_running[tag] = message
            else:
                self.tracker.put_back(tag, task_id_of(message.headers), leftmost=False)
        self._delivered.clear()

    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Give back what has timed out, of workers without us alone.

        What we hold is given back when we die, and not before.
        """
        if self._default is None:
            self._default = QoS(self.channel)
            self._default._on_collect.cancel()  # noqa: SLF001 - kombu has no other way
            for name, key in self.default_keys.items():
                setattr(self._default, name, key)
        try:
            self._default.restore_visible(*args, **options)
        except ResponseError as exc:
            # Tried again soon; Celery would log a traceback each time.
            logger.debug("tasks that have timed out are not given back now: %s", exc)

    def known_tags(self) -> set[str]:
        """Return the tags that are delivered, or run although their connection is lost."""
        return {*self._delivered, *self._still_running}

    def _done_with(self, delivery_tag: str) -> tuple[str, bool]:
        """Forget a message here; return its task's id, if it has one, and whether it `STAYS`.

        Before Redis is told: another greenlet may run meanwhile, and see the connection lost, when
        what is still delivered is given back.
        """
        about = self._about(delivery_tag)
        virtual.QoS.ack(self, delivery_tag)
        return about

    def _about(self, delivery_tag: str) -> tuple[str, bool]:
        message = self._delivered.get(delivery_tag) or self._still_running.pop(delivery_tag, None)
        if message is None:
            return "", False
        return task_id_of(message.headers), bool(getattr(message, STAYS, False))


def _text(message: Any) -> str:
    """Return what kombu keeps of a message that is held."""
    route = message.delivery_info
    text: str = dumps([message._raw, route["exchange"], route["routing_key"]])  # noqa: SLF001
    return text


def tracking(
    channel_class: type[Any],
    tracker: Tracker,
    default_keys: Mapping[str, str],
    running_tags: Callable[[], set[str]],
) -> type[Any]:
    """Return a channel class that tells the tracker.

    Parameters
    ----------
    channel_class : type
        kombu's.
    tracker : Tracker
    default_keys : mapping
        The keys that the app's other workers have, which go on being swept by time-out.
    running_tags : callable
        Returns the delivery tags of the tasks that run.
    """
    parts = {
        "tracker": tracker,
        "default_keys": default_keys,
        "running_tags": staticmethod(running_tags),
    }

    class TrackedChannel(channel_class):
        QoS = type("TrackedQoS", (TrackedQoS,), parts)

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            tracker.channels.opened(self)

        def let_go(self) -> bool:
            """Free what a lost connection has left behind; return whether it was lost."""
            if getattr(self.connection, "client", None) is not None:
                return False
            if self._qos is not None:
                self._qos._on_collect.cancel()  # noqa: SLF001 - as above
            self._disconnect_pools()
            self._close_clients()
            return True

        def _brpop_start(self, *args: Any, **options: Any) -> None:
            tracker.channels.asks(self)
            super()._brpop_start(*args, **options)

        def _brpop_read(self, **options: Any) -> Any:
            try:
                return super()._brpop_read(**options)
            finally:
                tracker.hear()
                tracker.channels.answered(self)

    return TrackedChannel
