# SPDX-License-Identifier: BSD-3-Clause
"""A record that could not become a task, or an alert that came too late, kept whole."""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import asdict, dataclass

from igwn_alert_celery.record import Headers, Record

__all__ = ["DeadLetter"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Everything of the record, and why: ``topic`` is the full one, times are milliseconds."""

    id: str
    reason: str
    error: str
    traceback: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers
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
        """Return the dead letter of a record."""
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
        fields = asdict(self)
        fields["key"], fields["value"] = _text(self.key), _text(self.value)
        fields["headers"] = [[name, _text(value)] for name, value in self.headers]
        return json.dumps(fields).encode()

    @classmethod
    def from_json(cls, text: bytes) -> DeadLetter:
        """Read what :meth:`to_json` wrote."""
        fields = json.loads(text)
        fields["key"], fields["value"] = _bytes(fields["key"]), _bytes(fields["value"])
        fields["headers"] = tuple((name, _bytes(value)) for name, value in fields["headers"])
        return cls(**fields)


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)
