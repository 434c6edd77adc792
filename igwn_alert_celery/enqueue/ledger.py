# SPDX-License-Identifier: BSD-3-Clause
"""The ledger on Redis: which offset comes next, and one script that moves it with the tasks.

Every key is prefixed here: kombu's prefixing client handles only part of EVALSHA
(``kombu/transport/redis.py``, ``GlobalKeyPrefixMixin``).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import ResponseError

from igwn_alert_celery.enqueue.batch import (
    OFFSET_LIMIT,
    Batch,
    Command,
    Outcome,
    PartitionId,
    Position,
    Verdict,
)
from igwn_alert_celery.enqueue.redis_dead_letters import (
    RedisDeadLetters,
    asking,
    register,
    text_of,
)
from igwn_alert_celery.enqueue.script import Script, SentCall, script_text

__all__ = ["ROOT", "Ledger", "LedgerWriting"]

#: All our keys begin with it, after kombu's ``global_keyprefix``.
ROOT = "igwn_alert:"

_encode = msgspec.json.Encoder().encode
_KINDS = frozenset({"lpush", "pexpire", "publish"})


class Ledger:
    """Positions, dead letters and first requests of all consumer groups in one Redis database.

    Every method blocks for at most the client's socket time-out (a few times, where it asks
    several things). Whatever Redis refuses (BUSY, LOADING, OOM, READONLY, …) and every broken
    connection is raised as :exc:`TaskBrokerUnavailable`; asking again is always safe.

    Parameters
    ----------
    client : redis.Redis
        A client that adds no prefix, with a ``socket_timeout``.
    prefix : str
        Put before every key, those of the commands included (kombu's ``global_keyprefix``).
    max_dead_count, max_dead_bytes : int
        Bounds of the dead letters; the oldest are pushed out, the newest one always stays.
    notes_outstanding : bool
        Whether a handler's task is noted, with its message, until it is handled.

    Attributes
    ----------
    id : str
        The ledger's random id; empty before :meth:`open`.
    dead_letters : RedisDeadLetters
        The dead letters, to list, show and drop.
    """

    def __init__(
        self,
        client: Redis,
        *,
        prefix: str = "",
        max_dead_count: int,
        max_dead_bytes: int,
        notes_outstanding: bool = True,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._root = f"{prefix}{ROOT}"
        self._bounds = (max_dead_count, max_dead_bytes)
        self._notes_outstanding = notes_outstanding
        self._write = Script(client, script_text("dead_letters.lua", "write.lua"))
        self._seek = register(client, "new_epoch.lua", "seek.lua")
        self._claim = register(client, "new_epoch.lua", "claim.lua")
        self.id = ""
        self.dead_letters = RedisDeadLetters(
            client,
            f"{self._root}dead_letters",
            max_count=max_dead_count,
            max_bytes=max_dead_bytes,
        )

    def open(self) -> str:
        """Return the ledger's random id; creates it where there is none."""
        key = f"{self._root}ledger"

        def read() -> str:
            self._client.set(key, str(uuid.uuid4()), nx=True)
            return text_of(self._client.get(key))

        self.id = asking(read)
        return self.id

    def position(self, partition: PartitionId) -> Position | None:
        """Return the stored position of a partition."""
        return self.positions([partition])[partition]

    def positions(self, partitions: Collection[PartitionId]) -> dict[PartitionId, Position | None]:
        """Return the stored position of each partition, in one question."""
        pipeline = self._client.pipeline(transaction=False)
        for partition in partitions:
            pipeline.hmget(self._position_key(partition), ["next", "epoch"])
        found: Any = asking(pipeline.execute)
        return {
            partition: None if item[0] is None else Position(int(item[0]), int(item[1]))
            for partition, item in zip(partitions, found, strict=True)
        }

    def claim(self, partition: PartitionId, next_offset: int) -> Position:
        """Store a first position where there is none; return what is stored."""
        keys = [self._position_key(partition)]
        args: list[Any] = [next_offset, partition.topic]
        found = asking(lambda: self._claim(keys, args))
        return Position(int(found[0]), int(found[1]))

    def seek(
        self, partition: PartitionId, next_offset: int, believed: Position | None = None
    ) -> Position:
        """Set the position and raise the epoch, so that older batches are refused.

        Parameters
        ----------
        partition : PartitionId
        next_offset : int
        believed : Position, optional
            Where it was when this was decided: when it is elsewhere by now, because another
            owner goes on, nothing is changed.

        Returns
        -------
        Position
            What is stored afterwards.
        """
        keys = [self._position_key(partition)]
        only = ("", "") if believed is None else (believed.next_offset, believed.epoch)
        args: list[Any] = [next_offset, partition.topic, *only]
        found = asking(lambda: self._seek(keys, args))
        return Position(int(found[0]), int(found[1]))

    def write(self, batch: Batch) -> Outcome:
        """Write a batch as :meth:`begin` does, and wait for the outcome."""
        return self.begin(batch).outcome()

    def begin(self, batch: Batch) -> LedgerWriting:
        """Send a batch to be written in one atomic step, or not at all; wait for it later.

        Returns
        -------
        LedgerWriting
            Whose outcome is ``WRITTEN`` (what lay below the stored position was skipped), or why
            nothing was written: ``BEHIND`` (Redis came back older: go back to the position),
            ``EPOCH`` (a seek), ``UNKNOWN`` (no position), ``LEDGER`` (another ledger, or none: open
            again).

        Raises
        ------
        TaskBrokerUnavailable
            Redis refused, with nothing written, or its reply was lost: write the batch again.
        ValueError
            The batch holds a command that is not Redis's.
        """
        keys, args = self._arguments(batch)
        return LedgerWriting(batch, asking(lambda: self._write.send(keys, args)))

    def asked(self, cluster_id: str, consumer_group: str) -> dict[str, str]:
        """Return what the group has asked for before: topic or pattern → JSON text."""
        key = f"{self._root}asked:{cluster_id}:{consumer_group}"
        found: Any = asking(lambda: self._client.hgetall(key))
        return {text_of(name): text_of(value) for name, value in found.items()}

    def remember(self, cluster_id: str, consumer_group: str, field: str, text: str) -> str:
        """Remember a first request; an earlier one stays. Returns what is stored."""
        key = f"{self._root}asked:{cluster_id}:{consumer_group}"

        def write() -> str:
            self._client.hsetnx(key, field, text)
            stored = self._client.hget(key, field)
            return text if stored is None else text_of(stored)

        return asking(write)

    def warnings(self) -> list[str]:
        """Return what is risky in the server's configuration, a line each."""
        policy, appendonly, save = map(self._configured, ("maxmemory-policy", "appendonly", "save"))
        if policy is None or appendonly is None or save is None:
            return [
                "Redis does not tell its configuration: see that it evicts nothing and persists"
            ]
        found = []
        if policy != "noeviction":
            found.append("Redis may evict tasks: set maxmemory-policy to noeviction")
        if appendonly != "yes" and not save:
            found.append(
                "Redis keeps nothing on disk: a restart loses queued tasks (appendonly yes)"
            )
        return found

    def _configured(self, name: str) -> str | None:
        # One name a call: Redis before 7 takes no more.
        def read() -> Any:
            try:
                return self._client.config_get(name).get(name)
            except ResponseError:
                # Managed Redis often forbids or renames CONFIG.
                return None

        found = asking(read)
        return None if found is None else text_of(found)

    def _position_key(self, partition: PartitionId) -> str:
        topic = partition.topic_id or partition.topic
        group = f"{partition.cluster_id}:{partition.consumer_group}"
        return f"{self._root}position:{group}:{topic}:{partition.partition}"

    def _arguments(self, batch: Batch) -> tuple[list[str], list[Any]]:
        keys = [
            f"{self._root}ledger",
            self._position_key(batch.partition),
            *self.dead_letters.keys,
            f"{self._root}outstanding",
        ]
        indexes: dict[str, int] = {}
        operations: list[tuple[str, int, int | str]] = []
        values: list[Any] = []
        for entry in batch.entries:
            for command in entry.commands:
                if command.key not in indexes:
                    keys.append(self._prefix + command.key)
                    indexes[command.key] = len(keys)
                where = indexes[command.key]
                noted = command.task_id if self._notes_outstanding else ""
                operations.append((_checked(command).kind, entry.offset, where))
                values += (command.value, noted)
            for letter in entry.dead_letters:
                operations.append(("dead", entry.offset, letter.id))
                values += (letter.to_json(), "")
        believed = batch.believed
        head = (self.id, believed.next_offset, believed.epoch, batch.next_offset, *self._bounds)
        return keys, [*head, _encode(operations), *values]


class LedgerWriting:
    """A batch on its way to Redis. Either :meth:`outcome` or :meth:`abandon` has to follow."""

    def __init__(self, batch: Batch, call: SentCall) -> None:
        self._batch = batch
        self._call = call

    def outcome(self) -> Outcome:
        """Wait for it; raises :exc:`TaskBrokerUnavailable`."""
        reply = asking(self._call.answer)
        verdict = Verdict(text_of(reply[0]))
        position = Position(int(reply[1]), int(reply[2]))
        if verdict is not Verdict.WRITTEN:
            return Outcome(verdict, position)
        before = int(reply[3])
        entries = self._batch.entries
        skipped = sum(entry.offset < before for entry in entries)
        evicted = tuple(text_of(item) for item in reply[4:])
        return Outcome(verdict, position, len(entries) - skipped, skipped, evicted)

    def abandon(self) -> None:
        """Leave it open whether it was written."""
        self._call.abandon()


def _checked(command: Command) -> Command:
    if command.kind not in _KINDS:
        raise ValueError(f"{command.kind!r} is no command for Redis: one of {sorted(_KINDS)}")
    if command.kind == "pexpire" and not 0 < int(command.value) < OFFSET_LIMIT:
        raise ValueError(f"a queue cannot expire after {command.value} ms")
    return command
