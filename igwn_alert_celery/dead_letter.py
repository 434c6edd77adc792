# SPDX-License-Identifier: BSD-3-Clause
"""A record that could not become a task or be sent, or an alert that came too late, kept whole."""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field, fields

from igwn_alert_celery.record import Headers, Record

__all__ = ["DeadLetter"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Everything of the record, and why it is here.

    Attributes
    ----------
    id : str
        Random, names the dead letter in every command.
    reason, error, traceback : str
        One word for counting, the message for a person, and the traceback if there is one.
    topic, partition, offset, timestamp_ms, key, value, headers
        The record's own; ``topic`` is the full Kafka topic.
    handler : str or None
        Task name, where only one handler is concerned.
    at_ms : int
        When it was kept, milliseconds since the epoch.
    """

    id: str
    reason: str
    error: str
    traceback: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None = field(repr=False)
    headers: Headers = field(repr=False)
    handler: str | None
    at_ms: int

    @classmethod
    def from_record(
        cls,
        record: Record,
        reason: str,
        error: str,
        *,
        traceback: str = "",
        handler: str | None = None,
    ) -> DeadLetter:
        """Return the dead letter of a record, with a new id and the present time."""
        return cls(
            id=str(uuid.uuid4()),
            reason=reason,
            error=error,
            traceback=traceback,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            key=record.key,
            value=record.value,
            headers=record.headers,
            handler=handler,
            at_ms=int(time.time() * 1000),
        )

    def to_json(self) -> bytes:
        """Return the lossless JSON form; bytes are base64."""
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        content["key"], content["value"] = _text(self.key), _text(self.value)
        content["headers"] = [[name, _text(value)] for name, value in self.headers]
        return json.dumps(content).encode()

    @classmethod
    def from_json(cls, text: bytes) -> DeadLetter:
        """Read what :meth:`to_json` wrote; fields of a later version are left out."""
        content = json.loads(text)
        content["key"], content["value"] = _bytes(content["key"]), _bytes(content["value"])
        content["headers"] = tuple((name, _bytes(value)) for name, value in content["headers"])
        return cls(**{item.name: content[item.name] for item in fields(cls)})


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value, validate=True)
