# SPDX-License-Identifier: BSD-3-Clause
"""The ledger on Redis: which offset comes next, and one script that moves it with the tasks.

Every key is prefixed here: kombu's prefixing client handles only part of EVALSHA
(``kombu/transport/redis.py``, ``GlobalKeyPrefixMixin``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from importlib import resources
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from igwn_alert_celery.enqueue.batch import Batch, Outcome, PartitionId, Position, Verdict
from igwn_alert_celery.enqueue.redis_dead_letters import RedisDeadLetters
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["Ledger"]

_T = TypeVar("_T")
_SEEK = """
redis.call('HSET', KEYS[1], 'next', ARGV[1], 'topic', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'epoch', 1)
"""
_CLAIM = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'next', ARGV[1], 'epoch', 0, 'topic', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'next', 'epoch')
"""


class Ledger:
    """Positions, dead letters and first requests of all consumer groups in one Redis database.

    Every method blocks for at most the client's socket time-out and raises
    :exc:`TaskBrokerUnavailable`.
    """

    def __init__(
        self, client: Redis, *, prefix: str = "", max_dead_count: int, max_dead_bytes: int
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._root = f"{prefix}igwn_alert:"
        self._bounds = (max_dead_count, max_dead_bytes)
        text = resources.files(__package__).joinpath("write.lua").read_text()
        self._write = client.register_script(text)
        self._seek = client.register_script(_SEEK)
        self._claim = client.register_script(_CLAIM)
        self.id = ""
        self.dead_letters = RedisDeadLetters(client, f"{self._root}dead_letters")

    def open(self) -> str:
        """Return the ledger's random id; creates it where there is none."""
        key = f"{self._root}ledger"

        def read() -> str:
            self._client.set(key, str(uuid.uuid4()), nx=True)
            return _text(self._client.get(key))

        self.id = _asking(read)
        return self.id

    def position(self, partition: PartitionId) -> Position | None:
        """Return the stored position of a partition."""
        key = self._position_key(partition)
        found: Any = _asking(lambda: self._client.hmget(key, ["next", "epoch"]))
        return None if found[0] is None else Position(int(found[0]), int(found[1]))

    def claim(self, partition: PartitionId, next_offset: int) -> Position:
        """Store a first position where there is none; return what is stored."""
        keys = [self._position_key(partition)]
        args: list[Any] = [next_offset, partition.topic]
        found = _asking(lambda: self._claim(keys, args))
        return Position(int(found[0]), int(found[1]))

    def seek(self, partition: PartitionId, next_offset: int) -> Position:
        """Set the position and raise the epoch, so that older batches are refused."""
        keys = [self._position_key(partition)]
        args: list[Any] = [next_offset, partition.topic]
        return Position(next_offset, int(_asking(lambda: self._seek(keys, args))))

    def write(self, batch: Batch) -> Outcome:
        """Write a batch in one atomic step, or say why nothing was written."""
        keys, args = self._arguments(batch)
        reply = _asking(lambda: self._write(keys, args))
        verdict = Verdict(_text(reply[0]))
        position = Position(int(reply[1]), int(reply[2]))
        if verdict is not Verdict.WRITTEN:
            return Outcome(verdict, position)
        evicted = tuple(_text(item) for item in reply[5:])
        return Outcome(verdict, position, int(reply[3]), int(reply[4]), evicted)

    def asked(self, cluster_id: str, consumer_group: str) -> dict[str, str]:
        """Return what the group has asked for before: topic or pattern → JSON text."""
        key = f"{self._root}asked:{cluster_id}:{consumer_group}"
        found: Any = _asking(lambda: self._client.hgetall(key))
        return {_text(name): _text(value) for name, value in found.items()}

    def remember(self, cluster_id: str, consumer_group: str, field: str, text: str) -> str:
        """Remember a first request; an earlier one stays. Returns what is stored."""
        key = f"{self._root}asked:{cluster_id}:{consumer_group}"

        def write() -> str:
            self._client.hsetnx(key, field, text)
            return _text(self._client.hget(key, field))

        return _asking(write)

    def warnings(self) -> list[str]:
        """Return what is risky in the server's configuration, a line each."""
        try:
            policy: Any = self._client.config_get("maxmemory-policy")
            disk: Any = self._client.config_get("appendonly", "save")
        except RedisError:
            return [
                "Redis does not tell its configuration: see that it evicts nothing and persists"
            ]
        found = []
        if policy.get("maxmemory-policy") != "noeviction":
            found.append("Redis may evict tasks: set maxmemory-policy to noeviction")
        if disk.get("appendonly") != "yes" and not disk.get("save"):
            found.append(
                "Redis keeps nothing on disk: a restart loses queued tasks (appendonly yes)"
            )
        return found

    def _position_key(self, partition: PartitionId) -> str:
        topic = partition.topic_id or partition.topic
        group = f"{partition.cluster_id}:{partition.consumer_group}"
        return f"{self._root}position:{group}:{topic}:{partition.partition}"

    def _arguments(self, batch: Batch) -> tuple[list[str], list[Any]]:
        dead = f"{self._root}dead_letters"
        keys = [
            f"{self._root}ledger",
            self._position_key(batch.partition),
            dead,
            f"{dead}:order",
            f"{dead}:bytes",
        ]
        indexes: dict[str, int] = {}
        operations: list[Any] = []
        for entry in batch.entries:
            for command in entry.commands:
                if command.key not in indexes:
                    keys.append(self._prefix + command.key)
                    indexes[command.key] = len(keys)
                where = indexes[command.key]
                operations += (command.kind, entry.offset, where, command.value)
            for letter in entry.dead_letters:
                operations += ("dead", entry.offset, letter.id, letter.to_json())
        believed = batch.believed
        head = (self.id, believed.next_offset, believed.epoch, batch.next_offset, *self._bounds)
        return keys, [*head, len(operations) // 4, *operations]


def _asking(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except (RedisError, OSError) as exc:
        raise TaskBrokerUnavailable(f"Redis: {exc}") from exc


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
