# SPDX-License-Identifier: BSD-3-Clause
"""What is written in one step: commands, dead letters and a partition's new position."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from igwn_alert_celery.dead_letter import DeadLetter

__all__ = ["Batch", "Command", "Entry", "Outcome", "PartitionId", "Position", "Verdict"]


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the task broker: ``lpush``, ``publish``, ``pexpire`` on Redis; ``apply``
    elsewhere, with a task call as its value.
    """

    kind: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """What one record became."""

    offset: int
    commands: tuple[Command, ...]
    dead_letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to enqueue; a deliberate seek raises the epoch."""

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
    """Entries in the order of offsets, and the position that the writer believes in."""

    partition: PartitionId
    believed: Position
    next_offset: int
    entries: tuple[Entry, ...]


class Verdict(Enum):
    """What the ledger says to a batch."""

    WRITTEN = "WRITTEN"
    BEHIND = "BEHIND"
    EPOCH = "EPOCH"
    UNKNOWN = "UNKNOWN"
    LEDGER = "LEDGER"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, the stored position, and the ids of dead letters that the bound pushed out."""

    verdict: Verdict
    position: Position
    written: int = 0
    skipped: int = 0
    evicted: tuple[str, ...] = ()
