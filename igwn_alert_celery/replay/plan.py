# SPDX-License-Identifier: BSD-3-Clause
"""What a dead letter becomes when it is replayed; nothing is sent or dropped yet."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from celery import Task

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.handlers import Match
from igwn_alert_celery.kafka.decode import Decoded, Fetch, decode
from igwn_alert_celery.publisher.parcel import Parcel
from igwn_alert_celery.publisher.resend import parcel_of
from igwn_alert_celery.publisher.task import TASK_NAME
from igwn_alert_celery.record import Record, RecordInfo
from igwn_alert_celery.worker.pipeline import record_info

__all__ = ["Plan", "Ways", "plan"]


@dataclass(frozen=True, slots=True)
class Ways:
    """What a letter can become.

    Attributes
    ----------
    bridge : IGWNAlert
        Its settings and its handlers count.
    tasks : mapping
        The app's tasks by name.
    fetch : callable or None
        Gets hop's offloaded large messages.
    ignore_age : bool
        Whether ``max_age_s`` counts no more.
    """

    bridge: Any
    tasks: Mapping[str, Task]
    fetch: Fetch | None = None
    ignore_age: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    refusal : str
        Why nothing can be, for a person; else empty.
    calls : tuple of TaskCall
        Tasks of handlers, each with an id of its own: those of before may be known as done.
    late : tuple of DeadLetter
        Letters for handlers that want the alert and for which it is too old by now.
    parcel : Parcel or None
        For the publisher task.
    alert : Alert or None
        What the handlers get.
    """

    refusal: str = ""
    calls: tuple[TaskCall, ...] = ()
    late: tuple[DeadLetter, ...] = ()
    parcel: Parcel | None = None
    alert: Alert | None = None


def plan(letter: DeadLetter, ways: Ways) -> Plan:
    """Return what a letter becomes; may block for the time-out of a large message."""
    settings = ways.bridge.settings
    if not letter.topic.startswith(settings.topic_prefix):
        return Plan(f"its topic is not of the group {settings.group!r} of this app")
    topic = settings.short_topic(letter.topic)
    if letter.handler == TASK_NAME:
        parcel = parcel_of(letter, topic)
        return Plan(parcel=parcel) if parcel else Plan("it was no alert: publish it anew")
    record = _record(letter)
    if settings.ignore_test and record.is_test:
        return Plan("it is a test record, and igwn_alert_ignore_test = True skips those")
    if letter.handler is not None and letter.handler not in ways.bridge.registry.task_names:
        return Plan(f"the app has no handler {letter.handler!r} any more")
    try:
        decoded = decode(record, max_bytes=settings.max_bytes, fetch=ways.fetch)
    except PoisonRecord as exc:
        return Plan(f"it still cannot be read: {exc}")
    return _tasks(letter, record, _info(record, topic, decoded), decoded, ways)


def _tasks(
    letter: DeadLetter, record: Record, info: RecordInfo, decoded: Decoded, ways: Ways
) -> Plan:
    alert = Alert(decoded.content, record=info)
    match = _match(letter, info, alert, ways)
    if not match.tasks:
        return Plan(_why_none(match, info.age_s))
    header = info.as_header()
    calls = tuple(
        TaskCall(
            ways.tasks[name],
            str(uuid.uuid4()),
            header if ways.ignore_age else match.header(name, header),
            decoded.content,
            decoded.json,
            decoded.kombu_safe,
            record,
        )
        for name in match.tasks
    )
    late = tuple(
        DeadLetter.from_record(record, "expired", f"{info.age_s:.1f} s old", handler=name)
        for name in match.expired
    )
    return Plan(calls=calls, late=late, alert=alert)


def _match(letter: DeadLetter, info: RecordInfo, alert: Alert, ways: Ways) -> Match:
    """Return the tasks that want it; a letter that is one handler's goes to no other."""
    match: Match = ways.bridge.registry.match(info.topic, alert, 0.0)
    names = match.tasks if letter.handler is None else (letter.handler,)
    age_s = 0.0 if ways.ignore_age else info.age_s
    late = tuple(name for name in names if age_s > match.limits.get(name, math.inf))
    return Match(tuple(name for name in names if name not in late), late, match.limits)


def _why_none(match: Match, age_s: float) -> str:
    if not match.expired:
        return "no handler of the app takes it"
    limits = ", ".join(f"{name} {match.limits[name]:g} s" for name in match.expired)
    return (
        f"it is {age_s:.0f} s old, and the handlers' max_age_s is exceeded ({limits}): "
        "--ignore-age replays it all the same"
    )


def _record(letter: DeadLetter) -> Record:
    return Record(
        letter.topic,
        letter.partition,
        letter.offset,
        letter.timestamp_ms,
        letter.key,
        letter.value,
        letter.headers,
    )


def _info(record: Record, topic: str, decoded: Decoded) -> RecordInfo:
    info = record_info(record, topic, redelivered=True, original=decoded.original)
    if record.partition < 0:
        # It never was on Kafka: IGWNAlert.deliver made its task.
        return replace(info, partition=None, offset=None)
    return info
