# SPDX-License-Identifier: BSD-3-Clause
"""Publishes one task through kombu, and finds out whether a queue has taken it."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from celery import Celery
from kombu.transport.redis import Transport as RedisTransport

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.away import connecting, reaching
from igwn_alert_celery.enqueue.channel import Unroutable, routing, use_channels
from igwn_alert_celery.enqueue.letters import task_letter
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.enqueue.results import without_results
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.task import HEADER

__all__ = ["Publisher", "confirming", "connected", "time_limits"]

logger = logging.getLogger(__name__)

#: AMQP sends a message's headers in one frame, of 128 kB unless the server says otherwise.
_MOST_HEADER_BYTES = 64_000
_encode = msgspec.json.Encoder().encode


def confirming(app: Celery, timeout_s: float) -> Any:
    """Return a connection, not open yet, on which nothing that is sent is lost without a word."""
    connection = app.connection_for_write(
        connect_timeout=timeout_s,
        # Nobody serves heartbeats on this connection; a dead one fails the next publish.
        heartbeat=0,
        transport_options=_transport_options(app, timeout_s),
    )
    use_channels(connection, routing)
    return connection


def connected(app: Celery, connection: Any, *, results: bool = False) -> Publisher:
    """Open such a connection and return its publisher; blocks for a few time-outs.

    Raises
    ------
    TaskBrokerUnavailable
        It cannot be opened.
    """
    amqp = connection.transport.driver_type == "amqp"
    with connecting(connection):
        connection.ensure_connection(max_retries=max(0, len(connection.alt or ()) - 1))
        return Publisher(app, connection, amqp=amqp, results=results)


def _transport_options(app: Celery, timeout_s: float) -> dict[str, Any]:
    with app.connection_for_write() as connection:
        if connection.transport.driver_type == "amqp":
            return {"confirm_publish": True, "read_timeout": timeout_s, "write_timeout": timeout_s}
        if isinstance(connection.transport, RedisTransport):
            return dict(time_limits(app, timeout_s))
    return {}


def time_limits(app: Celery, timeout_s: float) -> dict[str, float]:
    """Return socket time-outs for Redis: the app's own where they are shorter."""
    options = app.conf.broker_transport_options or {}
    names = ("socket_timeout", "socket_connect_timeout")
    return {name: min(options.get(name) or timeout_s, timeout_s) for name in names}


class Publisher:
    """Publishes over one connection. Not thread-safe.

    Parameters
    ----------
    app : celery.Celery
    connection : kombu.Connection
        Connected; confirming where it is AMQP.
    amqp : bool
        Whether it is AMQP; elsewhere its channels raise :exc:`Unroutable` themselves.
    results : bool
        Whether somebody here waits for the tasks' results.
    """

    def __init__(self, app: Celery, connection: Any, *, amqp: bool, results: bool = False) -> None:
        self._app = app
        self._results = results
        self._connection = connection
        self._amqp = amqp
        # RabbitMQ confirms also what it drops, but gives back what is mandatory.
        self._options = {"mandatory": True} if amqp else {}
        self._returned: Unroutable | None = None
        self._producer = self._new_producer()

    @property
    def producer(self) -> Any:
        """What it sends with, for tasks that are no handlers."""
        return self._producer

    def publish(self, call: TaskCall, topic_prefix: str) -> DeadLetter | None:
        """Publish and wait for the confirmation; blocks for about the time-out.

        Returns
        -------
        DeadLetter or None
            What to keep when the task broker would never take the task.

        Raises
        ------
        TaskBrokerUnavailable
            It may or may not have been published.
        """
        try:
            self.send(call)
        except TaskBrokerUnavailable:
            raise
        except Unroutable as exc:
            return task_letter(call, topic_prefix, "unroutable", exc)
        except Exception as exc:
            # Border: a router, a serializer, a route; other alerts must not wait for it.
            logger.exception("%s cannot be enqueued", call.task.name)
            if self._amqp:
                self._renew_channel()
            return task_letter(call, topic_prefix, "cannot_enqueue", exc)
        return None

    def send(self, call: TaskCall) -> Any:
        """Publish, wait for the confirmation, and return what ``apply_async`` returns.

        Raises
        ------
        Unroutable
            No queue takes it.
        TaskBrokerUnavailable
            It may or may not have been published.
        """
        try:
            return self._send(call)
        except Unroutable:
            # A queue that we have declared may be gone since.
            self._connection.declared_entities.clear()
        return self._send(call)

    def producer_on(self, channel: Any, on_return: Any = None) -> Any:
        """Return a new producer for tasks that are handlers."""
        producer = self._app.amqp.Producer(channel, auto_declare=False, on_return=on_return)
        return producer if self._results else without_results(self._app, producer)

    def apply(self, call: TaskCall, producer: Any) -> Any:
        """Publish with this producer, and return what ``apply_async`` returns.

        Raises
        ------
        TaskBrokerUnavailable
            It may or may not have been published.
        """
        if self._amqp and len(_encode(call.header)) > _MOST_HEADER_BYTES:
            raise ValueError(f"the record's key and headers have more than {_MOST_HEADER_BYTES} B")
        with reaching(self._connection):
            return apply(call, HEADER, producer, **self._options)

    def _send(self, call: TaskCall) -> Any:
        self._returned = None
        result = self.apply(call, self._producer)
        if self._returned is not None:
            raise self._returned
        return result

    def _new_producer(self) -> Any:
        channel = self._connection.channel()
        return self.producer_on(channel, self._on_return if self._amqp else None)

    def _renew_channel(self) -> None:
        # An error may have closed it. py-amqp opens it again, but before 5.4 without confirming.
        with reaching(self._connection):
            self._producer.channel.close()
            self._producer = self._new_producer()

    def _on_return(self, error: Any, exchange: str, routing_key: str, message: Any) -> None:
        self._returned = Unroutable(exchange, routing_key)
