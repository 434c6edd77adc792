# SPDX-License-Identifier: BSD-3-Clause
"""What one alert that did not come through Kafka becomes: the tasks that want it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from celery import Celery, Task
from celery.result import AsyncResult

from igwn_alert_celery import signals
from igwn_alert_celery.alert import Alert, as_json
from igwn_alert_celery.enqueue.channel import Unroutable
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.enqueue.publish import Publisher, confirming, connected
from igwn_alert_celery.errors import ConfigError, HandlerError
from igwn_alert_celery.handlers import check_prefix, check_topic, is_pattern
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.record import Record, RecordInfo
from igwn_alert_celery.task import HEADER

__all__ = ["direct_calls", "publish_calls"]


def direct_calls(
    bridge: Any, tasks: Mapping[str, Task], topic: str, payload: str | bytes | dict[str, Any]
) -> tuple[Alert, list[TaskCall]]:
    """Return the alert and a call for each task that wants it; nothing is published yet.

    Raises
    ------
    PoisonRecord
        The payload cannot become an alert.
    HandlerError
        The topic is none, or carries the group.
    """
    if is_pattern(check_topic(topic)):
        raise HandlerError(f"topic {topic!r} is a pattern: give one topic")
    settings, now_ms = bridge.settings, int(time.time() * 1000)
    check_prefix(settings.group, [topic])
    record = Record(settings.full_topic(topic), -1, -1, now_ms, None, as_json(payload))
    decoded = decode(record, max_bytes=settings.max_bytes)
    info = RecordInfo(topic, None, None, now_ms)
    alert = Alert(decoded.content, record=info)
    signals.alert_received.send(sender=bridge, alert=alert)
    match, header = bridge.registry.match(topic, alert, 0.0), info.as_header()
    same = (decoded.content, decoded.json, decoded.kombu_safe)
    calls = [
        TaskCall(tasks[name], str(uuid.uuid4()), match.header(name, header), *same)
        for name in match.tasks
    ]
    return alert, calls


def publish_calls(app: Celery, calls: list[TaskCall], timeout_s: float) -> list[AsyncResult]:
    """Publish the tasks and wait until each is in a queue; or run them here, if the app is eager.

    Raises
    ------
    ConfigError
        No queue takes one of them.
    TaskBrokerUnavailable
        One may or may not have been published.
    """
    if app.conf.task_always_eager:
        return [apply(call, HEADER, None) for call in calls]
    if not calls:
        return []
    connection = confirming(app, timeout_s)
    try:
        publisher = connected(app, connection, results=True)
        return [_send(publisher, call) for call in calls]
    finally:
        connection.collect()


def _send(publisher: Publisher, call: TaskCall) -> AsyncResult:
    try:
        return publisher.send(call)
    except Unroutable as exc:
        raise ConfigError(f"{call.task.name}: {exc}") from exc
