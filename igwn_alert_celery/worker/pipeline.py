# SPDX-License-Identifier: BSD-3-Clause
"""record → alert → handlers → task messages: what one record becomes, before anything is sent."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery import Task

from igwn_alert_celery import signals
from igwn_alert_celery.alert import Alert
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import Command, Entry, PartitionId
from igwn_alert_celery.enqueue.message import TaskCall, task_id
from igwn_alert_celery.errors import PoisonRecord, RetryableError
from igwn_alert_celery.handlers import Registry
from igwn_alert_celery.kafka.decode import Decoded, decode
from igwn_alert_celery.record import Record, RecordInfo
from igwn_alert_celery.settings import Settings

__all__ = ["Pipeline", "Prepared", "record_info"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One record, ready to be written: its entry, its alert (None for a dead letter or a
    skipped test record) and the ids of its tasks.
    """

    entry: Entry
    alert: Alert | None = None
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
        except PoisonRecord as exc:
            letter = DeadLetter.from_record(record, exc.reason, exc.detail)
        except Exception as exc:
            # Border: one record's failure must not stop the stream; it is kept with its reason.
            logger.exception(
                "%s[%d]@%d cannot be enqueued", record.topic, record.partition, record.offset
            )
            letter = DeadLetter.from_record(
                record, "cannot_enqueue", repr(exc), traceback=traceback.format_exc()
            )
        return Prepared(Entry(record.offset, (), (letter,)))

    def _enqueueable(
        self, record: Record, partition: PartitionId, decoded: Decoded, redelivered: bool
    ) -> Prepared:
        info = record_info(record, self.settings.short_topic(record.topic), redelivered)
        alert = Alert(decoded.content, record=info)
        signals.alert_received.send(sender=self.sender, alert=alert)
        age_s = time.time() - record.timestamp_ms / 1000
        match = self.registry.match(info.topic, alert, age_s)
        header = info.as_header()
        calls = [
            TaskCall(
                self.tasks[name],
                task_id(partition, record.offset, name),
                header,
                decoded.content,
                decoded.json,
                decoded.kombu_safe,
            )
            for name in match.tasks
        ]
        commands = tuple(command for call in calls for command in self.prepare(call))
        letters = tuple(
            DeadLetter.from_record(record, "expired", f"{age_s:.1f} s old", handler=name)
            for name in match.expired
        )
        ids = tuple(call.task_id for call in calls)
        return Prepared(Entry(record.offset, commands, letters), alert, ids)


def record_info(record: Record, topic: str, redelivered: bool) -> RecordInfo:
    """Return the part of a record that handlers see."""
    raw_id = record.header("_id")
    return RecordInfo(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key=_text(record.key),
        id=str(uuid.UUID(bytes=raw_id)) if raw_id and len(raw_id) == 16 else _text(raw_id),
        sender=_text(record.header("_sender")),
        redelivered=redelivered,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
