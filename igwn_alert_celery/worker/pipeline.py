# SPDX-License-Identifier: BSD-3-Clause
"""record → alert → handlers → task messages: what one record becomes, before anything is sent."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from celery import Task

from igwn_alert_celery import signals
from igwn_alert_celery.alert import Alert, Unread, whole
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import Command, Entry, PartitionId
from igwn_alert_celery.enqueue.message import TaskCall, task_id
from igwn_alert_celery.errors import PoisonRecord, RetryableError
from igwn_alert_celery.handlers import Registry
from igwn_alert_celery.kafka.decode import Decoded, decode
from igwn_alert_celery.record import Record, RecordInfo
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.uuids import uuid_text
from igwn_alert_celery.worker.signalling import send_signal

__all__ = ["Pipeline", "Prepared", "record_info"]

logger = logging.getLogger(__name__)


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """One record, ready to be written: its entry, its alert (None for a dead letter or a
    skipped test record) and the ids of its tasks.
    """

    entry: Entry
    alert: Alert | Unread | None = None
    task_ids: tuple[str, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages between Kafka and the task broker.

    ``prepare`` is the enqueuer's; ``tasks`` maps task names to Celery tasks; ``sender`` is
    the bridge, as the signals' sender.
    """

    settings: Settings
    registry: Registry
    tasks: Mapping[str, Task]
    prepare: Callable[[TaskCall], tuple[Command, ...]]
    sender: Any
    fetch: Callable[[str], Record] | None = None

    def run(self, record: Record, partition: PartitionId, *, redelivered: bool) -> Prepared:
        """Return what the record becomes; raises only :exc:`RetryableError`."""
        if self.settings.ignore_test and record.is_test:
            return Prepared(Entry(record.offset, (), ()), skipped="test")
        try:
            decoded = decode(record, max_bytes=self.settings.max_bytes, fetch=self.fetch)
            return self._enqueueable(record, partition, decoded, redelivered)
        except RetryableError:
            raise
        except BaseException as exc:  # noqa: BLE001 - logged and kept
            # Border: one record's failure must not stop the stream; it is kept with its reason.
            return Prepared(Entry(record.offset, (), (_letter(record, exc),)))

    def _enqueueable(
        self, record: Record, partition: PartitionId, decoded: Decoded, redelivered: bool
    ) -> Prepared:
        topic = self.settings.short_topic(record.topic)
        info = record_info(record, topic, redelivered, decoded.original)
        alert = _arrived(decoded, info)
        if signals.alert_received.receivers:
            send_signal(signals.alert_received, self.sender, alert=whole(alert))
        age_s, header = info.age_s, info.as_header()
        match = self.registry.match(info.topic, alert, age_s)
        letters = [
            DeadLetter.from_record(record, "expired", f"{age_s:.1f} s old", handler=name)
            for name in match.expired
        ]
        commands: list[Command] = []
        ids = []
        for name in match.tasks:
            call = TaskCall(
                self.tasks[name],
                task_id(partition, record.offset, name),
                match.header(name, header),
                decoded.read,
                decoded.json,
                decoded.kombu_safe,
                record,
                decoded.quoted,
            )
            letter = self._prepare(call, record, commands)
            if letter is None:
                ids.append(call.task_id)
            else:
                letters.append(letter)
        entry = Entry(record.offset, tuple(commands), tuple(letters))
        return Prepared(entry, alert, tuple(ids))

    def _prepare(
        self, call: TaskCall, record: Record, commands: list[Command]
    ) -> DeadLetter | None:
        """Add a task's commands, or return what to keep when it can never be enqueued."""
        try:
            commands += self.prepare(call)
        except RetryableError:
            raise
        except Exception as exc:  # noqa: BLE001 - logged and kept
            # Border: a route or a serializer of one handler; the others get the alert.
            return _letter(record, exc, handler=call.task.name)
        return None


def _letter(record: Record, exc: BaseException, handler: str | None = None) -> DeadLetter:
    if isinstance(exc, PoisonRecord):
        return DeadLetter.from_record(record, exc.reason, exc.detail, handler=handler)
    logger.error(
        "%s[%d]@%d cannot be enqueued",
        record.topic,
        record.partition,
        record.offset,
        exc_info=exc,
    )
    text = "".join(traceback.format_exception(exc))
    return DeadLetter.from_record(
        record, "cannot_enqueue", repr(exc), traceback=text, handler=handler
    )


def _arrived(decoded: Decoded, info: RecordInfo) -> Alert | Unread:
    seen = decoded.seen
    if seen is None:
        return Alert(decoded.content, record=info)
    labels = None if seen.object is None else seen.object.labels
    return Unread(lambda: decoded.content, seen.alert_type, labels, info)


def record_info(
    record: Record, topic: str, redelivered: bool, original: Record | None = None
) -> RecordInfo:
    """Return the part of a record that handlers see.

    Parameters
    ----------
    record : Record
        As it came from Kafka; its time is when Kafka had it.
    topic : str
        Without the group prefix.
    redelivered : bool
    original : Record, optional
        What was sent, where hop put it elsewhere.
    """
    sent = original or record
    raw_id = sent.header("_id")
    return RecordInfo(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key=_text(sent.key),
        id=uuid_text(raw_id) if raw_id and len(raw_id) == 16 else _text(raw_id),
        sender=_text(sent.header("_sender")),
        redelivered=redelivered,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
