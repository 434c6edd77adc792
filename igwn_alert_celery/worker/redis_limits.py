# SPDX-License-Identifier: BSD-3-Clause
"""Bound Celery's own calls to Redis in a worker, where the app has set no bound.

kombu's Redis transport waits without limit for a server that accepts connections and does not
answer (no ``socket_timeout`` by default, https://github.com/redis/redis-py/issues/2243), and a
worker whose main thread waits there does not see SIGTERM either.
"""

from __future__ import annotations

from celery import Celery

from igwn_alert_celery.enqueue.redis import is_redis

__all__ = ["bound_redis_calls"]


def bound_redis_calls(app: Celery, timeout_s: float) -> None:
    """Give the app's task broker connections time-outs, in seconds; those that it has stay."""
    if not is_redis(app):
        return
    limits = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    app.conf.broker_transport_options = {**limits, **(app.conf.broker_transport_options or {})}
