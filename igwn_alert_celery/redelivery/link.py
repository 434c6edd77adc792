# SPDX-License-Identifier: BSD-3-Clause
"""A connection to the app's Redis that is opened again when it has failed; for one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from kombu.transport.virtual import Channel
from redis import Redis
from redis.exceptions import RedisError

from igwn_alert_celery.enqueue.away import connecting
from igwn_alert_celery.enqueue.channel import prompt, use_channels
from igwn_alert_celery.enqueue.publish import time_limits
from igwn_alert_celery.enqueue.redis_dead_letters import RedisDeadLetters, register
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.redelivery.keys import PACKAGE, Keys
from igwn_alert_celery.redelivery.unacked import Unacked
from igwn_alert_celery.settings import Settings

__all__ = ["Link", "Linked"]


class Linked:
    """What an open link offers.

    Attributes
    ----------
    channel : kombu.transport.redis.Channel
    client : redis.Redis
        Adds no prefix.
    keys : Keys
    dead_letters : RedisDeadLetters
    beat : callable
        The script of a heartbeat.
    """

    def __init__(self, channel: Any, settings: Settings) -> None:
        self.channel = channel
        self.client: Any = Redis(connection_pool=channel.pool)
        self.keys = Keys(channel.global_keyprefix)
        self.dead_letters = RedisDeadLetters(
            self.client,
            self.keys.dead_letters,
            max_count=settings.dead_letter_max_count,
            max_bytes=settings.dead_letter_max_bytes,
        )
        # Once: to read a script takes as long as to run it, and this one runs every two seconds.
        self.beat = register(self.client, "beat.lua", package=PACKAGE)
        self._unacked: dict[str, Unacked] = {}

    def forget(self, incarnation: str) -> None:
        """Forget a worker that is no more."""
        self._unacked.pop(incarnation, None)

    def unacked(self, incarnation: str) -> Unacked:
        """Return the tasks that a worker holds."""
        if incarnation not in self._unacked:
            found = Unacked(self.channel, self.client, self.keys, incarnation)
            self._unacked[incarnation] = found
        return self._unacked[incarnation]


def _declare_exchanges(app: Celery, channel: Any) -> None:
    """Tell a channel the kinds of the app's exchanges; kombu takes one it does not know for direct.

    Also those of queues that this worker does not consume: it gives back another one's tasks.
    """
    for queue in list(app.amqp.queues.values()):
        exchange = queue.exchange
        if exchange is not None and exchange.name:
            channel.exchange_declare(exchange=exchange.name, type=exchange.type)


class Link:
    """Blocks for at most ``settings.task_broker_timeout_s`` a question.

    Parameters
    ----------
    app : celery.Celery
        On Redis.
    settings : Settings
    """

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._connection: Any = None
        self._linked: Linked | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is open, as far as is known."""
        return self._linked is not None

    @contextmanager
    def using(self) -> Iterator[Linked]:
        """Use the connection; connects where it is not open.

        Raises
        ------
        TaskBrokerUnavailable
            Redis does not answer, or refuses.
        """
        try:
            yield self._linked or self._open()
        except (RedisError, OSError) as exc:
            self._failed()
            raise TaskBrokerUnavailable(f"Redis: {exc or type(exc).__name__}") from exc
        except TaskBrokerUnavailable:
            self._failed()
            raise

    def close(self) -> None:
        """Close it; it is opened again when it is used."""
        connection, self._connection, self._linked = self._connection, None, None
        if connection is not None:
            connection.collect()

    def _failed(self) -> None:
        # redis-py's pool connects again by itself, and others may be using it just now; but it
        # knows of one URL only.
        if self._linked is None or len(self._connection.alt or ()) > 1:
            self.close()

    def _open(self) -> Linked:
        connection = self._connection = self._app.connection_for_read(
            transport_options=time_limits(self._app, self._settings.task_broker_timeout_s)
        )
        use_channels(connection, prompt)
        with connecting(connection):
            connection.ensure_connection(max_retries=max(0, len(connection.alt or ()) - 1))
            channel: Channel = connection.channel()
        _declare_exchanges(self._app, channel)
        self._linked = Linked(channel, self._settings)
        return self._linked
