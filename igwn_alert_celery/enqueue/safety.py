# SPDX-License-Identifier: BSD-3-Clause
"""Will the task broker keep what it is given? Asked without writing anything to it."""

from __future__ import annotations

from celery import Celery
from redis import Redis

from igwn_alert_celery.enqueue.away import connecting
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.enqueue.publish import time_limits
from igwn_alert_celery.enqueue.redis import is_redis
from igwn_alert_celery.settings import Settings

__all__ = ["dangers", "shown_url"]


def dangers(app: Celery, settings: Settings) -> list[str] | None:
    """Connect, and return what is risky in the server's configuration; blocks for seconds.

    Returns
    -------
    list of str or None
        A line each; None where nothing is known about this kind of task broker.

    Raises
    ------
    TaskBrokerUnavailable
        It does not answer.
    """
    on_redis = is_redis(app)
    limits = time_limits(app, settings.task_broker_timeout_s) if on_redis else {}
    with app.connection_for_write(
        connect_timeout=settings.task_broker_timeout_s, transport_options=limits
    ) as connection:
        with connecting(connection):
            connection.ensure_connection(max_retries=max(0, len(connection.alt or ()) - 1))
            channel = connection.channel()
        if not on_redis:
            return None
        ledger = Ledger(
            Redis(connection_pool=channel.pool),
            prefix=channel.global_keyprefix,
            max_dead_count=settings.dead_letter_max_count,
            max_dead_bytes=settings.dead_letter_max_bytes,
        )
        return ledger.warnings()


def shown_url(app: Celery) -> str:
    """Return the task broker's URL without its password."""
    with app.connection_for_write() as connection:
        return str(connection.as_uri())
