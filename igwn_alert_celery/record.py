# SPDX-License-Identifier: BSD-3-Clause
"""A Kafka record as it came, and the part of it that a handler may see."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

__all__ = ["Headers", "Record", "RecordInfo", "TopicPartition"]

Headers = tuple[tuple[str, bytes | None], ...]


class TopicPartition(NamedTuple):
    """A partition of a full Kafka topic (with the group prefix)."""

    topic: str
    partition: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """One undecoded Kafka record.

    ``topic`` is the full Kafka topic, ``timestamp_ms`` Kafka's time in milliseconds since
    the epoch (-1 where Kafka has none), ``value`` the raw bytes (None for a tombstone);
    ``unreadable`` says what of it the Kafka client could not hand over.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    unreadable: str = ""

    def header(self, name: str) -> bytes | None:
        """Return the first header of that name, or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def is_test(self) -> bool:
        """Whether hop marked the record as a test (header ``_test``)."""
        return any(key == "_test" for key, _ in self.headers)


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """Where an alert came from: ``alert.record`` in a handler.

    Attributes
    ----------
    topic : str
        Topic without the group prefix.
    partition, offset : int or None
        Kafka's; None for an alert given to :meth:`IGWNAlert.deliver`.
    timestamp_ms : int
        Kafka's timestamp, milliseconds since the epoch.
    key, id, sender : str or None
        The record's key, hop's message id (a UUID) and hop's sender.
    redelivered : bool
        True when this alert may have been handled before.
    """

    topic: str
    partition: int | None
    offset: int | None
    timestamp_ms: int
    key: str | None = None
    id: str | None = None
    sender: str | None = None
    redelivered: bool = False

    @property
    def age_s(self) -> float:
        """Seconds since the record was written to Kafka, by this machine's clock.

        0 where Kafka has no time: an alert whose age nobody knows is not too old.
        """
        if self.timestamp_ms < 0:
            return 0.0
        return max(0.0, time.time() - self.timestamp_ms / 1000)

    def as_header(self) -> dict[str, Any]:
        """Return the JSON-safe form that travels in the task message's headers."""
        header: dict[str, Any] = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp_ms": self.timestamp_ms,
            "key": self.key,
            "id": self.id,
            "sender": self.sender,
        }
        if self.redelivered:
            header["redelivered"] = True
        return header
