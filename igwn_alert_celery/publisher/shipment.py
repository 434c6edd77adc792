# SPDX-License-Identifier: BSD-3-Clause
"""What one task sends: numbered records, and what has become of each so far."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from igwn_alert_celery.errors import SendError, SendFailed, SendRefused
from igwn_alert_celery.kafka.encode import hop_headers
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord
from igwn_alert_celery.publisher.parcel import Parcel
from igwn_alert_celery.uuids import uuid5

__all__ = ["Shipment"]

# Ids of our records are derived from the task's id with this one.
_NAMESPACE = uuid.UUID("5b0d9f0e-5c0f-5d1c-9b2c-6a3f4f1f7a55")


class Shipment:
    """The records of one task, each for one topic.

    Parameters
    ----------
    task_id : str
        From it each record's hop id is derived: the same in every try and after redelivery.
    parcels : iterable of Parcel
    progress : mapping, optional
        What an earlier try has settled.

    Attributes
    ----------
    progress : dict
        What is settled, by the record's number as text: the result of an acknowledged record, or
        why it was not sent. JSON-safe, because a retry takes it along.
    """

    def __init__(
        self,
        task_id: str,
        parcels: Iterable[Parcel],
        progress: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self._task_id = task_id
        self._parcels = tuple(parcels)
        pairs = [(parcel, topic) for parcel in self._parcels for topic in parcel.topics]
        self._numbered = {str(number): pair for number, pair in enumerate(pairs)}
        self.progress = dict(progress or {})

    def pending(self, topic_prefix: str, sender: str | None) -> dict[str, OutgoingRecord]:
        """Return the records that are not settled yet, by number, in order."""
        return {
            number: self._record(number, topic_prefix, sender)
            for number in self._numbered
            if number not in self.progress
        }

    def settle(self, number: str, report: Delivery | SendError) -> None:
        """Note that Kafka has acknowledged a record, or that it will not be sent."""
        if isinstance(report, Delivery):
            self.progress[number] = {
                "topic": self._numbered[number][1],
                "partition": report.partition,
                "offset": report.offset,
                "timestamp_ms": report.timestamp_ms,
                "latency_ms": report.latency_ms,
            }
        else:
            failed = isinstance(report, SendFailed)
            self.progress[number] = {"error": str(report), "code": report.code, "failed": failed}

    def results(self) -> list[Any]:
        """Return a result per parcel: one, or a list where several topics were asked for.

        Raises
        ------
        SendError
            Something was not sent.
        """
        errors = [settled for settled in self.progress.values() if "error" in settled]
        if errors:
            raise _summary(errors, len(self.progress))
        settled = (self.progress[number] for number in self._numbered)
        found = [[next(settled) for _ in parcel.topics] for parcel in self._parcels]
        return [
            results if parcel.many else results[0]
            for results, parcel in zip(found, self._parcels, strict=True)
        ]

    def _record(self, number: str, topic_prefix: str, sender: str | None) -> OutgoingRecord:
        parcel, topic = self._numbered[number]
        headers = hop_headers(
            parcel.format,
            parcel.headers,
            test=parcel.test,
            record_id=uuid5(_NAMESPACE, f"{self._task_id}/{number}/{topic}"),
            sender=sender,
        )
        return OutgoingRecord(
            topic=f"{topic_prefix}{topic}", value=parcel.value, key=parcel.key, headers=headers
        )


def _summary(errors: list[dict[str, Any]], total: int) -> SendError:
    first = errors[0]
    text = str(first["error"])
    if total > 1:
        text = f"{len(errors)} of {total} records were not sent; the first: {text}"
    kind = SendFailed if first["failed"] else SendRefused
    return kind(text, None, first["code"])
