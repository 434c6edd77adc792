# SPDX-License-Identifier: BSD-3-Clause
"""What is written in one step: commands, dead letters and a partition's new position."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

import msgspec

from igwn_alert_celery.dead_letter import DeadLetter

__all__ = [
    "OFFSET_LIMIT",
    "Batch",
    "Command",
    "Entry",
    "Outcome",
    "PartitionId",
    "Position",
    "Verdict",
]

#: Offsets stay below it: Lua counts in doubles.
OFFSET_LIMIT = 2**53


class Command(msgspec.Struct, frozen=True, gc=False):
    """One command of the task broker: ``lpush``, ``publish``, ``pexpire`` on Redis; ``apply``
    elsewhere, with a task call as its value.

    ``task_id`` is that of a handler's task, which is noted as outstanding until it is handled.
    """

    kind: str
    key: str
    value: Any
    task_id: str = ""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What one record became."""

    offset: int
    commands: tuple[Command, ...]
    dead_letters: tuple[DeadLetter, ...]

    @property
    def cost(self) -> tuple[int, int]:
        """How many commands and dead letters there are, and their size in bytes."""
        size = 0
        for command in self.commands:
            if isinstance(command.value, bytes):
                size += len(command.value)
        for letter in self.dead_letters:
            # A dead letter holds the record in base64.
            size += len(letter.value or b"") * 4 // 3
        return len(self.commands) + len(self.dead_letters), size


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to enqueue; every first start and deliberate seek has a later epoch."""

    next_offset: int
    epoch: int


@dataclass(frozen=True, slots=True)
class PartitionId:
    """A partition, for one consumer group of one Kafka cluster; a topic that was created again
    has another id.
    """

    cluster_id: str
    consumer_group: str
    topic: str
    topic_id: str
    partition: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in the order of offsets, and the position that the writer believes in.

    Raises
    ------
    ValueError
        The offsets do not ascend, or do not lie below ``next_offset`` and 2**53: the position
        would not tell any more what has been written.
    """

    partition: PartitionId
    believed: Position
    next_offset: int
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        offsets = [-1, *(entry.offset for entry in self.entries), self.next_offset, OFFSET_LIMIT]
        if any(one >= other for one, other in pairwise(offsets)):
            raise ValueError(f"offsets must ascend up to the next one: {offsets[1:-1]}")


class Verdict(Enum):
    """What the ledger says to a batch; only ``WRITTEN`` has written anything."""

    WRITTEN = "WRITTEN"
    BEHIND = "BEHIND"
    EPOCH = "EPOCH"
    UNKNOWN = "UNKNOWN"
    LEDGER = "LEDGER"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes
    ----------
    verdict : Verdict
        Whether it was written, or why not.
    position : Position
        The stored position afterwards; 0, 0 where none is stored (``UNKNOWN``, ``LEDGER``).
    written, skipped : int
        Entries at or above the position of before, and below it.
    evicted : tuple of str
        Ids of the dead letters that the bounds pushed out.
    kept : tuple of DeadLetter
        Tasks that the task broker would never take: kept beside the batch's own dead letters.
    """

    verdict: Verdict
    position: Position
    written: int = 0
    skipped: int = 0
    evicted: tuple[str, ...] = ()
    kept: tuple[DeadLetter, ...] = ()
