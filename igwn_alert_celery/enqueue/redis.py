# SPDX-License-Identifier: BSD-3-Clause
"""Enqueue on Redis: task messages, dead letters and position in one atomic step."""

from __future__ import annotations

from typing import Any

from celery import Celery, Task
from kombu.transport.redis import Channel
from kombu.utils.json import dumps
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from igwn_alert_celery.enqueue.batch import Batch, Command, Outcome, PartitionId, Position
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.enqueue.message import TaskCall, apply, capturing
from igwn_alert_celery.enqueue.template import (
    Template,
    compile_template,
    signals_listening,
    why_ordinary,
)
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.task import HEADER

__all__ = ["RedisEnqueuer", "is_redis"]


def is_redis(app: Celery) -> bool:
    """Whether the app's task broker is reached by kombu's Redis transport (Sentinel included)."""
    with app.connection_for_write() as connection:
        return isinstance(connection.transport.Channel, type) and issubclass(
            connection.transport.Channel, Channel
        )


class RedisEnqueuer:
    """Builds task messages and writes them through the ledger. Not thread-safe."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._connection: Any = None
        self._channel: Any = None
        self._producer: Any = None
        self._templates: dict[str, Template | None] = {}
        self._bodies: tuple[bytes, dict[tuple[bytes, bytes], str]] = (b"", {})
        self.ordinary_way: dict[str, str] = {}
        self.ledger_id = ""
        self.guarantee = "exactly once"

    def open(self) -> None:
        """Connect. Blocks up to the time-out; raises :exc:`TaskBrokerUnavailable`."""
        self.close()
        options = self._app.conf.broker_transport_options or {}
        timeout_s = self._settings.task_broker_timeout_s
        limits = {
            name: options.get(name) or timeout_s
            for name in ("socket_timeout", "socket_connect_timeout")
        }
        try:
            self._connection = self._app.connection_for_write(transport_options=limits)
            transport = self._connection.transport
            transport.Channel = capturing(transport.Channel)
            self._channel = self._connection.channel()
            self._channel.captured = []
            client = Redis(connection_pool=self._channel.pool)
            # A silent retry inside the client would outlast our time-out; the receiver retries.
            client.set_retry(Retry(NoBackoff(), 0))
            self._producer = self._app.amqp.Producer(self._channel, auto_declare=False)
            self.ledger = Ledger(
                client,
                prefix=self._channel.global_keyprefix,
                max_dead_count=self._settings.dead_letter_max_count,
                max_dead_bytes=self._settings.dead_letter_max_bytes,
            )
            self.ledger_id = self.ledger.open()
        except self._errors() as exc:
            raise TaskBrokerUnavailable(f"Redis does not answer: {exc}") from exc
        if len(self._connection.alt or ()) > 1:
            self.guarantee = "at least once (several task broker URLs)"

    def close(self) -> None:
        """Close the connection; never raises for one that is already gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()
        self._templates.clear()

    def prepare(self, call: TaskCall) -> tuple[Command, ...]:
        """Return the Redis commands that enqueue this call; they are not sent yet."""
        template = self._template(call.task) if call.kombu_safe else None
        if template is None:
            return self._build(call)
        return (template.fill(self._body(template, call.json), call.task_id, dumps(call.header)),)

    def write(self, batch: Batch) -> Outcome:
        """Write one batch atomically; raises :exc:`TaskBrokerUnavailable`."""
        return self.ledger.write(batch)

    def position(self, partition: PartitionId) -> Position | None:
        """Return the stored position."""
        return self.ledger.position(partition)

    def claim(self, partition: PartitionId, next_offset: int) -> Position:
        """Store a first position where there is none; return the stored one."""
        return self.ledger.claim(partition, next_offset)

    def seek(self, partition: PartitionId, next_offset: int) -> Position:
        """Set the position and raise the epoch."""
        return self.ledger.seek(partition, next_offset)

    @property
    def memory(self) -> Any:
        """Where the consumer group's first requests are remembered (``asked``, ``remember``)."""
        return self.ledger

    def warnings(self) -> list[str]:
        """Return what is risky in the server's configuration, a line each."""
        return self.ledger.warnings()

    def _errors(self) -> tuple[type[Exception], ...]:
        if self._connection is None:
            return (RedisError, OSError)
        found: tuple[type[Exception], ...] = (
            self._connection.recoverable_connection_errors
            + self._connection.recoverable_channel_errors
        )
        return (*found, RedisError, OSError)

    def _template(self, task: Task) -> Template | None:
        if signals_listening():
            return None
        if task.name not in self._templates:
            reason = why_ordinary(self._app, task)
            template = None if reason else compile_template(task, self._build)
            self._templates[task.name] = template
            if template is None:
                self.ordinary_way[task.name] = reason or "its messages are not regular"
        return self._templates[task.name]

    def _body(self, template: Template, alert_json: bytes) -> str:
        if self._bodies[0] is not alert_json:
            self._bodies = (alert_json, {})
        shape = (template.before, template.after)
        if shape not in self._bodies[1]:
            self._bodies[1][shape] = template.body(alert_json)
        return self._bodies[1][shape]

    def _build(self, call: TaskCall) -> tuple[Command, ...]:
        self._channel.captured.clear()
        try:
            apply(call, HEADER, self._producer)
        except self._errors() as exc:
            raise TaskBrokerUnavailable(f"Redis does not answer: {exc}") from exc
        return tuple(self._channel.captured)
