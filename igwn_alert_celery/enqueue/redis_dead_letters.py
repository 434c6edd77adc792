# SPDX-License-Identifier: BSD-3-Clause
"""Reading and dropping dead letters on Redis; they are written by the ledger's script."""

from __future__ import annotations

from typing import Any

from redis import Redis

from igwn_alert_celery.dead_letter import DeadLetter

__all__ = ["RedisDeadLetters"]

_DROP = """
local size = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('LREM', KEYS[2], 1, ARGV[1])
redis.call('DECRBY', KEYS[3], size)
return 1
"""


class RedisDeadLetters:
    """The dead letters of one Redis database, oldest first. Raises redis-py's errors."""

    def __init__(self, client: Redis, key: str) -> None:
        self._client: Any = client
        self._keys = [key, f"{key}:order", f"{key}:bytes"]
        self._drop = client.register_script(_DROP)

    def count(self) -> int:
        """Return how many there are."""
        return int(self._client.hlen(self._keys[0]))

    def size_bytes(self) -> int:
        """Return their size in bytes, as stored."""
        return int(self._client.get(self._keys[2]) or 0)

    def list(self, limit: int = 50) -> list[DeadLetter]:
        """Return the oldest ones."""
        ids = self._client.lrange(self._keys[1], 0, limit - 1)
        texts = self._client.hmget(self._keys[0], ids) if ids else []
        return [DeadLetter.from_json(text) for text in texts if text is not None]

    def get(self, letter_id: str) -> DeadLetter | None:
        """Return one, or None."""
        text = self._client.hget(self._keys[0], letter_id)
        return None if text is None else DeadLetter.from_json(text)

    def drop(self, letter_id: str) -> bool:
        """Drop one; returns whether it was there."""
        return bool(self._drop(self._keys, [letter_id]))
