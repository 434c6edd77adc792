# SPDX-License-Identifier: BSD-3-Clause
"""Enqueue on any other task broker through kombu: confirmed, at least once, same task ids."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any

from celery import Celery

from igwn_alert_celery.enqueue.away import required
from igwn_alert_celery.enqueue.batch import (
    Batch,
    Command,
    Outcome,
    PartitionId,
    Position,
    Verdict,
)
from igwn_alert_celery.enqueue.batch_publisher import BatchPublisher, Done
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.enqueue.publish import confirming, connected
from igwn_alert_celery.enqueue.writing import Writing, Written
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.settings import Settings

__all__ = ["KombuEnqueuer"]


class KombuEnqueuer:
    """Publishes batch by batch and waits until each task is confirmed. Not thread-safe.

    Whatever needs the task broker blocks for about the time-out, and raises
    :exc:`TaskBrokerUnavailable`, also before :meth:`open` has succeeded.

    Attributes
    ----------
    ledger_id : str
        The same for the same server and virtual host; RabbitMQ's is known once connected.
    guarantee : str
        How often an alert is enqueued.
    memory : LocalState
        The consumer group's first requests, and the dead letters; in a file, open or not.
    ordinary_way : dict
        Always empty: every task is built the ordinary way here.
    """

    guarantee = "at least once"
    keeps_positions = False

    def __init__(self, app: Celery, settings: Settings, state_path: Path) -> None:
        self._app = app
        self._settings = settings
        self._connection: Any = None
        self._publisher: BatchPublisher | None = None
        self._unfinished: dict[PartitionId, tuple[int, Done]] = {}
        self.ordinary_way: dict[str, str] = {}
        self.memory = LocalState(
            state_path,
            max_count=settings.dead_letter_max_count,
            max_bytes=settings.dead_letter_max_bytes,
        )
        self.ledger_id = _id_of_address(app)

    def open(self) -> None:
        """Connect anew. Blocks for a few time-outs; raises :exc:`TaskBrokerUnavailable`."""
        self.close()
        self.memory.prepare()
        connection = self._connection = confirming(self._app, self._settings.task_broker_timeout_s)
        try:
            publisher = connected(self._app, connection)
            self._publisher = BatchPublisher(connection, publisher, self._settings.topic_prefix)
            self.ledger_id = _id_of_server(connection) or self.ledger_id
        except TaskBrokerUnavailable:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection without waiting for a server that is gone."""
        connection, self._connection = self._connection, None
        self._publisher = None
        if connection is not None:
            connection.collect()

    def prepare(self, call: TaskCall) -> tuple[Command, ...]:
        """Return the call itself; it is built while it is published."""
        return (Command("apply", call.task.name, call),)

    def begin(self, batch: Batch) -> Writing:
        """Publish what the batch holds, and wait until the task broker has it.

        A batch that failed half-way is not begun anew: what has been confirmed of it is skipped
        when it comes again, so that a queue which refuses is not filled with copies.
        """
        publisher: BatchPublisher = required(self._publisher)
        done = self._done(batch)
        calls = [command.value for entry in batch.entries for command in entry.commands]
        publisher.publish(calls, done)
        kept = tuple(letter for call in calls if (letter := done[call.task_id]) is not None)
        letters = (*kept, *(one for entry in batch.entries for one in entry.dead_letters))
        evicted = self.memory.dead_letters.add(*letters)
        for call in calls:
            done.pop(call.task_id, None)
        position = Position(batch.next_offset, batch.believed.epoch)
        written = len(batch.entries)
        return Written(
            Outcome(Verdict.WRITTEN, position, written, evicted=tuple(evicted), kept=kept)
        )

    def renew_id(self) -> None:
        """Do nothing: the id is that of the task broker itself."""

    def positions(self, partitions: Collection[PartitionId]) -> dict[PartitionId, Position | None]:
        """Return None for each: without a ledger Kafka's commit is the only position."""
        return dict.fromkeys(partitions)

    def claim(self, partition: PartitionId, next_offset: int) -> Position:
        """Return the position as it is given."""
        return Position(next_offset, 0)

    def seek(
        self, partition: PartitionId, next_offset: int, believed: Position | None = None
    ) -> Position:
        """Return the position as it is given; what lies there is enqueued again."""
        self._unfinished.pop(partition, None)
        return Position(next_offset, 0)

    def warnings(self) -> list[str]:
        """Return what a user should know, a line each."""
        return []

    def _done(self, batch: Batch) -> Done:
        """Return what has been confirmed of this partition's batches that failed half-way."""
        start, done = self._unfinished.get(batch.partition, (0, {}))
        if batch.believed.next_offset < start:
            # Somebody has gone back on purpose.
            done = {}
        self._unfinished[batch.partition] = (batch.believed.next_offset, done)
        return done


def _id_of_server(connection: Any) -> str | None:
    """Return an id of the server by its own name, whatever address leads to it, if it has one."""
    properties = getattr(connection.connection, "server_properties", None) or {}
    name = properties.get("cluster_name")
    return _id_of("amqp", str(name), connection.virtual_host or "") if name else None


def _id_of_address(app: Celery) -> str:
    with app.connection_for_write() as connection:
        host = connection.hostname or ""
        return _id_of(
            connection.transport.driver_type,
            host,
            str(connection.port or ""),
            connection.virtual_host or "",
            _machine() if host in {"", "localhost", "127.0.0.1", "::1"} else "",
        )


def _machine() -> str:
    """Return what this machine is called; containers of one image may share the file."""
    try:
        number = Path("/etc/machine-id").read_text().strip()
    except OSError:
        number = ""
    return f"{socket.gethostname()} {number}"


def _id_of(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\x1f".join(parts)))
