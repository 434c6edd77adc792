# SPDX-License-Identifier: BSD-3-Clause
"""Enqueue on Redis: task messages, dead letters and position in one atomic step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from celery import Celery
from kombu.transport.redis import Channel, SentinelChannel
from redis import Redis

from igwn_alert_celery.enqueue.away import connecting, required
from igwn_alert_celery.enqueue.batch import Batch, Command, PartitionId, Position
from igwn_alert_celery.enqueue.build import Builder
from igwn_alert_celery.enqueue.channel import capturing, routing, use_channels
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.enqueue.outstanding import is_noted
from igwn_alert_celery.enqueue.publish import time_limits
from igwn_alert_celery.enqueue.redis_dead_letters import RedisDeadLetters
from igwn_alert_celery.enqueue.writing import Writing
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.settings import Settings

__all__ = ["RedisEnqueuer", "is_redis"]


def is_redis(app: Celery) -> bool:
    """Whether the app's task broker is reached by kombu's Redis transport (Sentinel included)."""
    with app.connection_for_write() as connection:
        channel = getattr(connection.transport, "Channel", None)
        return isinstance(channel, type) and issubclass(channel, Channel)


class RedisEnqueuer:
    """Builds task messages and writes them through the ledger. Not thread-safe.

    Whatever needs Redis blocks for at most the time-out a question, and raises
    :exc:`TaskBrokerUnavailable`, also before :meth:`open` has succeeded.

    Attributes
    ----------
    ledger_id : str
        The ledger's random id; after :meth:`close` the last one.
    guarantee : str
        How often an alert is enqueued.
    ordinary_way : dict
        Names of tasks that are not built from a template, and why.
    """

    keeps_positions = True

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._connection: Any = None
        self._builder: Builder | None = None
        self._ledger: Ledger | None = None
        self.ordinary_way: dict[str, str] = {}
        self.ledger_id = ""
        self.guarantee = "exactly once"

    @property
    def ledger(self) -> Ledger:
        """The ledger, while connected."""
        found: Ledger = required(self._ledger)
        return found

    @property
    def memory(self) -> Memory:
        """First requests and dead letters; good for every connection, also later ones."""
        return Memory(lambda: self.ledger)

    def open(self) -> None:
        """Connect anew. Blocks for a few time-outs; raises :exc:`TaskBrokerUnavailable`."""
        self.close()
        connection = self._connection = self._app.connection_for_write(
            transport_options=time_limits(self._app, self._settings.task_broker_timeout_s)
        )
        use_channels(connection, lambda channel: routing(capturing(channel)))
        others = len(connection.alt or ()) - 1
        try:
            with connecting(connection):
                connection.ensure_connection(max_retries=max(0, others))
                channel = connection.channel()
                ledger = self._make_ledger(channel)
                self.ledger_id = ledger.open()
        except TaskBrokerUnavailable:
            self.close()
            raise
        if others > 0 and not isinstance(channel, SentinelChannel):
            self.guarantee = "at least once (several task broker URLs)"
        self._ledger = ledger
        self._builder = Builder(self._app, connection, channel, self.ordinary_way)

    def close(self) -> None:
        """Close the connection; never raises for one that is already gone."""
        connection, self._connection = self._connection, None
        self._builder = self._ledger = None
        self.ordinary_way.clear()
        if connection is not None:
            connection.collect()

    def prepare(self, call: TaskCall) -> tuple[Command, ...]:
        """Return the Redis commands that enqueue this call; they are not sent yet.

        Raises
        ------
        PoisonRecord
            ``unroutable``: no queue would take the task.
        """
        builder: Builder = required(self._builder)
        return builder.commands(call)

    def begin(self, batch: Batch) -> Writing:
        """Send one batch, which is written in one atomic step."""
        required(self._builder).look_again()
        return self.ledger.begin(batch)

    def renew_id(self) -> None:
        """Read the ledger's id again: Redis may have been emptied and have another one."""
        self.ledger_id = self.ledger.open()

    def positions(self, partitions: Collection[PartitionId]) -> dict[PartitionId, Position | None]:
        """Return the stored positions."""
        return self.ledger.positions(partitions)

    def claim(self, partition: PartitionId, next_offset: int) -> Position:
        """Store a first position where there is none; return the stored one."""
        return self.ledger.claim(partition, next_offset)

    def seek(
        self, partition: PartitionId, next_offset: int, believed: Position | None = None
    ) -> Position:
        """Set the position and raise the epoch, unless it is not the one believed in."""
        return self.ledger.seek(partition, next_offset, believed)

    def warnings(self) -> list[str]:
        """Return what is risky in the server's configuration, a line each."""
        return self.ledger.warnings()

    def _make_ledger(self, channel: Any) -> Ledger:
        return Ledger(
            Redis(connection_pool=channel.pool),
            prefix=channel.global_keyprefix,
            max_dead_count=self._settings.dead_letter_max_count,
            max_dead_bytes=self._settings.dead_letter_max_bytes,
            notes_outstanding=is_noted(self._app, self._settings),
        )


class Memory:
    """What outlives the receiver: the consumer group's first requests, and the dead letters."""

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self._ledger = ledger

    @property
    def dead_letters(self) -> RedisDeadLetters:
        """The dead letters."""
        return self._ledger().dead_letters

    def asked(self, cluster_id: str, consumer_group: str) -> dict[str, str]:
        """Return what the group has asked for before: topic or pattern → JSON text."""
        return self._ledger().asked(cluster_id, consumer_group)

    def remember(self, cluster_id: str, consumer_group: str, field: str, text: str) -> str:
        """Remember a first request; an earlier one stays. Returns what is stored."""
        return self._ledger().remember(cluster_id, consumer_group, field, text)
