# SPDX-License-Identifier: BSD-3-Clause
"""Short ways to make what the ledger's tests write."""

from __future__ import annotations

from typing import Any

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import Batch, Command, Entry, PartitionId, Position
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.record import Record

PARTITION = PartitionId("cluster", "group", "g.superevent", "topic-id", 0)


def opened(client: Any, prefix: str, *, count: int = 1000, size: int = 10_000_000) -> Ledger:
    """Return an open ledger with these bounds for its dead letters."""
    ledger = Ledger(client, prefix=prefix, max_dead_count=count, max_dead_bytes=size)
    ledger.open()
    return ledger


def letter(offset: int, value: bytes = b"\xff") -> DeadLetter:
    """Return a dead letter of partition 0."""
    record = Record("g.superevent", 0, offset, 0, None, value)
    return DeadLetter.from_record(record, "not_json", "error")


def push(value: bytes | int, key: str = "celery") -> Command:
    """Return the command that queues a value."""
    return Command("lpush", key, value if isinstance(value, bytes) else b"%d" % value)


def entry(offset: int, *commands: Command, letters: Any = ()) -> Entry:
    """Return what the record at this offset became."""
    return Entry(offset, commands, tuple(letters))


def batch(believed: Position, *entries: Entry, next_offset: int | None = None) -> Batch:
    """Return a batch that ends with its last entry."""
    end = entries[-1].offset + 1 if next_offset is None else next_offset
    return Batch(PARTITION, believed, end, entries)


def alerts(believed: Position, *numbers: int) -> Batch:
    """Return a batch of alerts, each pushing its number; from where it believes to be, if none."""
    numbers = numbers or (believed.next_offset,)
    return batch(believed, *(entry(number, push(number)) for number in numbers))


def state(client: Any, prefix: str) -> dict[bytes, bytes]:
    """Return everything that Redis holds under the prefix."""
    return {key: client.dump(key) for key in client.scan_iter(f"{prefix}*")}


def restore(client: Any, prefix: str, snapshot: dict[bytes, bytes]) -> None:
    """Make Redis hold what it held once, as after a restart from an old snapshot."""
    remove(client, prefix)
    for key, value in snapshot.items():
        client.restore(key, 0, value)


def remove(client: Any, prefix: str) -> None:
    """Remove everything under the prefix."""
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
