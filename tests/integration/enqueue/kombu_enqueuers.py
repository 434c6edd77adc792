# SPDX-License-Identifier: BSD-3-Clause
"""Apps on other task brokers than Redis, with an enqueuer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import structs

from igwn_alert_celery.enqueue.batch import Batch, Entry, PartitionId, Position
from igwn_alert_celery.enqueue.kombu import KombuEnqueuer
from igwn_alert_celery.record import Record
from tests.integration.enqueue.sendings import Sending, enqueuing
from tests.integration.enqueue.stock import call_of

__all__ = ["PARTITION", "batch", "numbered", "opening"]

PARTITION = PartitionId("cluster", "group", "gracedb.superevent", "id", 3)


def opening(url: str, folder: Path) -> Callable[..., Any]:
    """Return a context manager of app, task and open enqueuer."""

    def make(app: Any, settings: Any) -> KombuEnqueuer:
        return KombuEnqueuer(app, settings, folder / "state.sqlite")

    def opened(sending: Sending, **settings: Any) -> Any:
        return enqueuing(url, sending, make, **settings)

    return opened


def numbered(task: Any, number: int, **header: Any) -> Any:
    """Return the call for alert S<number>, with its record."""
    text = f'{{"uid": "S{number}"}}'
    record = Record("gracedb.superevent", 3, number, 0, b"key", text.encode(), (("_id", b"x"),))
    call = call_of(task, text, f"task-{task.name}-{number}")
    return structs.replace(call, record=record, header={**call.header, **header})


def batch(
    enqueuer: KombuEnqueuer, first: int, *tasks: Any, letters: Any = (), **header: Any
) -> Batch:
    """Return a batch of one alert for each task, numbered from ``first``."""
    entries = [
        Entry(first + at, enqueuer.prepare(numbered(task, first + at, **header)), ())
        for at, task in enumerate(tasks)
    ]
    if letters:
        entries.append(Entry(first + len(tasks), (), tuple(letters)))
    return Batch(PARTITION, Position(first, 0), first + len(entries), tuple(entries))
