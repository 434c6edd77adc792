# SPDX-License-Identifier: BSD-3-Clause
"""kombu channels that tell what becomes of a task message, or keep it instead of sending it.

``_put`` and ``_put_fanout`` are the methods that kombu's virtual transports implement
(``kombu/transport/virtual/base.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kombu.transport import virtual
from kombu.utils.json import dumps
from redis.backoff import NoBackoff
from redis.retry import Retry

from igwn_alert_celery.enqueue.batch import Command
from igwn_alert_celery.task import HEADER

__all__ = ["Unroutable", "capturing", "prompt", "routing", "use_channels"]


class Unroutable(Exception):
    """No queue takes the message: its exchange is bound to none, or leads to none."""

    def __init__(self, exchange: str, routing_key: str) -> None:
        super().__init__(
            f"no queue takes it: exchange {exchange!r}, routing key {routing_key!r}; start a "
            "worker that consumes the queue, or correct the route"
        )


def use_channels(connection: Any, change: Callable[[type[Any]], type[Any]]) -> None:
    """Let a new connection have channels of the class that ``change`` makes of the usual one.

    Only of kombu's virtual transports, and on each: for another URL kombu makes another one.
    """
    make = connection.create_transport

    def create_transport() -> Any:
        transport = make()
        if isinstance(transport, virtual.Transport):
            transport.Channel = change(transport.Channel)
        return transport

    connection.create_transport = create_transport


def routing(channel_class: type[Any]) -> type[Any]:
    """Return a channel class that raises :exc:`Unroutable` where kombu drops without a word."""

    class RoutingChannel(channel_class):
        puts = 0

        def _put(self, queue: str, message: Any, **options: Any) -> None:
            self.puts += 1
            super()._put(queue, message, **options)

        def _put_fanout(
            self, exchange: str, message: Any, routing_key: str, **options: Any
        ) -> None:
            self.puts += 1
            super()._put_fanout(exchange, message, routing_key, **options)

        def basic_publish(
            self, message: Any, exchange: str, routing_key: str, **options: Any
        ) -> None:
            before = self.puts
            super().basic_publish(message, exchange, routing_key, **options)
            # Celery's events go nowhere when nobody listens, and that is meant.
            if self.puts == before and HEADER in message["headers"]:
                raise Unroutable(exchange, routing_key)

    return RoutingChannel


def prompt(channel_class: type[Any]) -> type[Any]:
    """Return a channel class whose Redis client does not try again by itself.

    A silent retry inside the client would outlast our time-outs; who uses it tries again.
    """

    class PromptChannel(channel_class):
        def _connparams(self, *args: Any, **options: Any) -> dict[str, Any]:
            params: dict[str, Any] = super()._connparams(*args, **options)
            return {**params, "retry": Retry(NoBackoff(), 0)}

    return PromptChannel


def capturing(channel_class: type[Any]) -> type[Any]:
    """Return a kombu Redis channel class that keeps the messages it would have put."""
    usual = prompt(channel_class)

    class CapturingChannel(usual):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.captured: list[Command] = []
            super().__init__(*args, **options)

        def _put(self, queue: str, message: Any, **_: Any) -> None:
            priority = self._get_message_priority(message, reverse=False)
            key = self._q_for_pri(queue, priority)
            headers = message["headers"]
            task_id = headers["id"] if HEADER in headers else ""
            self.captured.append(Command("lpush", key, dumps(message).encode(), task_id))
            # kombu knows queues that expire since 5.6.
            expires = getattr(self, "_expires", {}).get(queue)
            if expires:
                for step in self.priority_steps:
                    step_key = self._q_for_pri(queue, step)
                    self.captured.append(Command("pexpire", step_key, int(expires)))

        def _put_fanout(self, exchange: str, message: Any, routing_key: str, **_: Any) -> None:
            if hasattr(self, "_get_publish_topics"):
                topics = self._get_publish_topics(exchange, routing_key)
            else:
                topics = [self._get_publish_topic(exchange, routing_key)]
            value = dumps(message).encode()
            self.captured += (Command("publish", topic, value) for topic in topics)

    return CapturingChannel
