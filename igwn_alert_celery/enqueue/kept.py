# SPDX-License-Identifier: BSD-3-Clause
"""Connections that tell what becomes of a message, kept open between one message and the next."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from kombu.transport.redis import Transport as RedisTransport

from igwn_alert_celery.enqueue.away import reaching
from igwn_alert_celery.enqueue.channel import prompt, use_channels
from igwn_alert_celery.enqueue.publish import Publisher, confirming, connected
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["KeptConnections"]

# As many as Celery's own pool has by default.
_MOST = 10
# Firewalls forget connections on which nothing happens, and tell nobody.
_IDLE_S = 60.0
# redis-py itself sees that a server has closed its connection; one that has just answered is not
# asked whether it still does.
_ASK_S = 1.0


@dataclass(slots=True)
class _Open:
    connection: Any
    publisher: Publisher
    used_at: float = 0.0


@dataclass(slots=True)
class _Slot:
    """What belongs to one process; another's is neither used nor let go."""

    free: Any = field(default_factory=lambda: threading.BoundedSemaphore(_MOST))
    idle: list[_Open] = field(default_factory=list)

    def take(self) -> _Open | None:
        """Return an idle connection, if there is one."""
        try:
            return self.idle.pop()
        except IndexError:
            return None  # another thread may have had the last one just now

    def let_go(self) -> None:
        """Close all idle connections."""
        while found := self.take():
            found.connection.collect()


class KeptConnections:
    """Lends a producer to one thread or greenlet at a time; connects when it must."""

    def __init__(self) -> None:
        self._slots: dict[int, _Slot] = {}

    @contextmanager
    def producer(self, app: Celery, timeout_s: float) -> Iterator[Any]:
        """Lend a producer of the app whose connection has just answered.

        Raises
        ------
        TaskBrokerUnavailable
            The task broker does not answer in time, or refuses what was sent.
        """
        slot = self._slots.setdefault(os.getpid(), _Slot())
        if not slot.free.acquire(timeout=timeout_s):
            raise TaskBrokerUnavailable(f"all {_MOST} connections to the task broker are in use")
        try:
            found = _usable(slot) or _opened(app, timeout_s)
            with _lent(found):
                yield found.publisher.producer
            found.used_at = time.monotonic()
            slot.idle.append(found)
        except TaskBrokerUnavailable:
            # The others would fail as well, one call after the other, or lead to another server.
            slot.let_go()
            raise
        finally:
            slot.free.release()


@contextmanager
def _lent(found: _Open) -> Iterator[None]:
    try:
        with reaching(found.connection):
            yield
    except BaseException:
        # Nobody knows what was under way on it.
        found.connection.collect()
        raise


def _usable(slot: _Slot) -> _Open | None:
    while found := slot.take():
        idle_s = time.monotonic() - found.used_at
        is_redis = isinstance(found.connection.transport, RedisTransport)
        if (is_redis and idle_s < _ASK_S) or (idle_s < _IDLE_S and _answers(found)):
            return found
        found.connection.collect()
    return None


def _answers(found: _Open) -> bool:
    """Whether the server has not closed the connection; raises where Redis does not answer."""
    connection = found.connection
    if isinstance(connection.transport, RedisTransport):
        with _lent(found):
            found.publisher.producer.channel.client.ping()
    elif connection.transport.driver_type == "amqp":
        try:
            connection.drain_events(timeout=0)
        except TimeoutError:
            return True  # nothing has come, as it should be
        except (*connection.connection_errors, *connection.channel_errors):
            return False
    return True


def _opened(app: Celery, timeout_s: float) -> _Open:
    connection = confirming(app, timeout_s)
    use_channels(connection, prompt)
    try:
        return _Open(connection, connected(app, connection, results=True))
    except BaseException:
        connection.collect()
        raise
