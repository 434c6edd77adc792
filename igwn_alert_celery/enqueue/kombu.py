# SPDX-License-Identifier: BSD-3-Clause
"""Enqueue on any other task broker through kombu: confirmed, at least once, same task ids."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError

from igwn_alert_celery.enqueue.batch import (
    Batch,
    Command,
    Outcome,
    PartitionId,
    Position,
    Verdict,
)
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.task import HEADER

__all__ = ["KombuEnqueuer"]


class KombuEnqueuer:
    """Publishes task by task and waits for each confirmation. Not thread-safe."""

    guarantee = "at least once"

    def __init__(self, app: Celery, settings: Settings, state_path: Path) -> None:
        self._app = app
        self._settings = settings
        self._connection: Any = None
        self._producer: Any = None
        self.ordinary_way: dict[str, str] = {}
        self.memory = LocalState(state_path)
        self.ledger_id = _ledger_id(app)

    def open(self) -> None:
        """Connect. Blocks up to the time-out; raises :exc:`TaskBrokerUnavailable`."""
        self.close()
        timeout_s = self._settings.task_broker_timeout_s
        try:
            self._connection = self._app.connection_for_write(
                connect_timeout=timeout_s,
                # Nobody serves heartbeats on this connection; a dead one fails the next publish.
                heartbeat=0,
                transport_options=_transport_options(self._app, timeout_s),
            )
            self._connection.ensure_connection(max_retries=1, timeout=timeout_s)
            self._producer = self._app.amqp.Producer(
                self._connection.default_channel, auto_declare=False
            )
        except self._errors() as exc:
            raise TaskBrokerUnavailable(f"the task broker does not answer: {exc}") from exc

    def close(self) -> None:
        """Close the connection without waiting for a server that is gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()

    def prepare(self, call: TaskCall) -> tuple[Command, ...]:
        """Return the call itself; it is built while it is published."""
        return (Command("apply", call.task.name, call),)

    def write(self, batch: Batch) -> Outcome:
        """Publish what the batch holds; raises :exc:`TaskBrokerUnavailable`."""
        evicted: list[str] = []
        try:
            for entry in batch.entries:
                for command in entry.commands:
                    apply(command.value, HEADER, self._producer)
                for letter in entry.dead_letters:
                    evicted.extend(self.memory.dead_letters.add(letter))
        except self._errors() as exc:
            raise TaskBrokerUnavailable(f"the task broker does not answer: {exc}") from exc
        position = Position(batch.next_offset, batch.believed.epoch)
        return Outcome(Verdict.WRITTEN, position, len(batch.entries), 0, tuple(evicted))

    def position(self, partition: PartitionId) -> Position | None:
        """Return None: without a ledger Kafka's commit is the only position."""
        return None

    def claim(self, partition: PartitionId, next_offset: int) -> Position:
        """Return the position as it is given."""
        return Position(next_offset, 0)

    seek = claim

    def warnings(self) -> list[str]:
        """Return what a user should know, a line each."""
        return []

    def _errors(self) -> tuple[type[Exception], ...]:
        if self._connection is None:
            return (KombuError, OSError)
        found: tuple[type[Exception], ...] = (
            self._connection.recoverable_connection_errors
            + self._connection.recoverable_channel_errors
        )
        return (*found, KombuError, OSError)


def _transport_options(app: Celery, timeout_s: float) -> dict[str, Any]:
    with app.connection_for_write() as connection:
        if connection.transport.driver_type != "amqp":
            return {}
    return {"confirm_publish": True, "read_timeout": timeout_s, "write_timeout": timeout_s}


def _ledger_id(app: Celery) -> str:
    """Return an id of the task broker: the same for the same server and virtual host."""
    with app.connection_for_write() as connection:
        parts = (
            connection.transport.driver_type,
            connection.hostname or "",
            str(connection.port or ""),
            connection.virtual_host or "",
        )
    local = parts[1] in {"", "localhost", "127.0.0.1", "::1"}
    node = f"{uuid.getnode():x}" if local else ""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\x1f".join((*parts, node))))
