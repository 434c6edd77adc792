# SPDX-License-Identifier: BSD-3-Clause
"""An alert that was too old when its task started: kept as a dead letter, by the task itself."""

from __future__ import annotations

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.kombu import KombuEnqueuer
from igwn_alert_celery.enqueue.letters import rebuilt_record
from igwn_alert_celery.enqueue.redis import RedisEnqueuer

__all__ = ["keep_late", "late_letter"]


def late_letter(task_name: str, topic_prefix: str, alert: Alert) -> DeadLetter:
    """Return the dead letter ``expired`` of an alert that came as a record.

    The record's own bytes are gone by then, so its value is the alert as JSON.
    """
    info = alert.record
    if info is None:
        raise ValueError("an alert that never was a record has no age")
    record = rebuilt_record(info.as_header(), topic_prefix, alert)
    error = f"{info.age_s:.1f} s old when its task started"
    return DeadLetter.from_record(record, "expired", error, handler=task_name)


def keep_late(enqueuer: RedisEnqueuer | KombuEnqueuer, letter: DeadLetter) -> None:
    """Keep it where the receiver keeps its own; blocks on the task broker.

    Raises
    ------
    TaskBrokerUnavailable
        It could not be kept.
    """
    if isinstance(enqueuer, RedisEnqueuer):
        enqueuer.open()
    try:
        enqueuer.memory.dead_letters.add(letter)
    finally:
        enqueuer.close()
