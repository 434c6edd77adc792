# SPDX-License-Identifier: BSD-3-Clause
"""Celery's consumer, which comes back soon and whole after the task broker was away.

The one place for what upstream falls short of, by the class that the setting ``worker_consumer``
names:

- it tries to reconnect after 2, 4, … 30 s; here after at most a second, so that it consumes again
  within seconds of the task broker's return, however long that was away;
- an error while a lost connection is closed ends the whole worker
  (``AttributeError: 'NoneType' object has no attribute 'hostname'`` out of kombu's Redis transport,
  https://github.com/celery/kombu/issues/582; others: https://github.com/celery/celery/issues/9250);
- an answer of Redis's that is an error (``READONLY``, ``OOM command not allowed``) ends the worker;
- a task that it does not know is thrown away;
- when it closes, prefork forgets what its processes are just being given (``handed_over.py``).
"""

from __future__ import annotations

import functools
import logging
from typing import Any

from igwn_alert_celery.redelivery.handed_over import remembered
from igwn_alert_celery.task import HEADER

__all__ = ["connect_anew", "consuming"]

logger = logging.getLogger(__name__)

_PAUSES = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 1.0}
#: Celery's default, which stands for "as long as an outage may take".
_CELERYS_RETRIES = 100


class _Remembering:
    pool: Any

    def on_close(self) -> None:
        with remembered(self.pool):
            super().on_close()  # type: ignore[misc]


def consuming(base: type[Any], redelivery: Any) -> type[Any]:
    """Return a consumer class on top of the app's own one."""

    class RedeliveringConsumer(_Remembering, base):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            _take_for_lost(self, redelivery.lost_errors)

        def connection_for_read(self, heartbeat: Any = None) -> Any:
            return self.ensure_connected(redelivery.connection(heartbeat))

        def connect(self) -> Any:
            connection = super().connect()
            redelivery.connected(self)
            return connection

        def ensure_connected(self, conn: Any) -> Any:
            _hurry(conn, self.app.conf.broker_connection_max_retries)
            return super().ensure_connected(conn)

        def on_connection_error_after_connected(self, exc: Any) -> None:
            redelivery.disconnected()
            try:
                super().on_connection_error_after_connected(exc)
            except Exception:
                # Border: whatever it is, the connection is given up, and the next one is made.
                logger.exception("igwn-alert: closing a lost connection failed; it goes on")
                self.connection = None
            redelivery.let_go()

        def on_unknown_task(self, body: Any, message: Any, exc: Any) -> None:
            if HEADER in (message.headers or {}):
                redelivery.unknown.take(self, message)
            else:
                super().on_unknown_task(body, message, exc)

        def shutdown(self) -> None:
            try:
                super().shutdown()
            finally:
                redelivery.leave()

    return RedeliveringConsumer


def _take_for_lost(consumer: Any, errors: tuple[type[Exception], ...]) -> None:
    consumer.connection_errors = (*consumer.connection_errors, *errors)


def connect_anew(consumer: Any) -> None:
    """Have a consumer give up its connection and make another one; from any thread."""

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("the worker did not ask for tasks any more")

    if consumer is None:
        return
    if consumer.hub:
        consumer.hub.call_soon(fail)
    elif consumer.connection:
        # Without an event loop nothing else fails there.
        consumer.connection.drain_events = fail


def _hurry(connection: Any, retries: int | None) -> None:
    # Somebody who counts retries counts on Celery's pauses between them.
    if retries in {0, None, _CELERYS_RETRIES}:
        ensure = connection.ensure_connection

        @functools.wraps(ensure)
        def soon(errback: Any = None, _retries: Any = None, **options: Any) -> Any:
            return ensure(errback, None, **{**options, **_PAUSES})

        connection.ensure_connection = soon
