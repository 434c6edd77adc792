# SPDX-License-Identifier: BSD-3-Clause
"""Dead letters on Redis; the receiver's are written by the ledger's script, with the position."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.script import script_text
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["RedisDeadLetters", "asking", "register", "text_of"]

_T = TypeVar("_T")


class RedisDeadLetters:
    """The dead letters of one Redis database, oldest first, bounded by count and bytes.

    Every method blocks for at most the client's socket time-out (a few times, where it asks
    several things) and raises :exc:`TaskBrokerUnavailable`.

    Parameters
    ----------
    client : redis.Redis
        A client that adds no prefix.
    key : str
        The full key of the hash; ``:order`` and ``:bytes`` are appended for the others.
    max_count, max_bytes : int
        The bounds; the oldest are pushed out, the newest one always stays.
    """

    def __init__(self, client: Redis, key: str, *, max_count: int, max_bytes: int) -> None:
        self._client: Any = client
        self._bounds = (max_count, max_bytes)
        self._add = register(client, "dead_letters.lua", "add_dead_letter.lua")
        self._drop = register(client, "dead_letters.lua", "drop_dead_letter.lua")
        self.keys = (key, f"{key}:order", f"{key}:bytes")

    def count(self) -> int:
        """Return how many there are."""
        return int(asking(lambda: self._client.hlen(self.keys[0])))

    def size_bytes(self) -> int:
        """Return their size in bytes, as stored."""
        return int(asking(lambda: self._client.get(self.keys[2])) or 0)

    def list(self, limit: int = 50) -> builtins.list[DeadLetter]:
        """Return the oldest ones, at most ``limit``."""
        if limit < 1:
            return []
        return self.some(asking(lambda: self._client.lrange(self.keys[1], 0, limit - 1)))

    def ids(self) -> builtins.list[str]:
        """Return all ids, the oldest first."""
        return [text_of(item) for item in asking(lambda: self._client.lrange(self.keys[1], 0, -1))]

    def some(self, ids: Sequence[str]) -> builtins.list[DeadLetter]:
        """Return those of these ids that are there, in this order."""
        texts = asking(lambda: self._client.hmget(self.keys[0], ids)) if ids else []
        # One that was dropped since somebody read its id has no text any more.
        return [DeadLetter.from_json(text) for text in texts if text is not None]

    def get(self, letter_id: str) -> DeadLetter | None:
        """Return one, or None."""
        text = asking(lambda: self._client.hget(self.keys[0], letter_id))
        return None if text is None else DeadLetter.from_json(text)

    def drop(self, letter_id: str) -> bool:
        """Drop one; returns whether it was there."""
        return bool(asking(lambda: self._drop(self.keys, [letter_id])))

    def add(self, letter: DeadLetter) -> builtins.list[str]:
        """Keep one; returns the ids that the bounds pushed out.

        Adding one a second time (after a lost reply) changes nothing.
        """
        args = [*self._bounds, letter.id, letter.to_json()]
        return [text_of(item) for item in asking(lambda: self._add(self.keys, args))]


def asking(call: Callable[[], _T]) -> _T:
    """Call Redis; whatever it or the connection answers becomes our retryable error."""
    try:
        return call()
    except (RedisError, OSError) as exc:
        raise TaskBrokerUnavailable(f"Redis: {exc or type(exc).__name__}") from exc


def register(
    client: Redis, *names: str, package: str = "igwn_alert_celery.enqueue"
) -> Callable[[Any, Any], Any]:
    """Return the script made of these files; it is loaded again when Redis has forgotten it."""
    return client.register_script(script_text(*names, package=package))


def text_of(value: Any) -> str:
    """Return a reply as text, whether or not the client decodes replies."""
    return value.decode() if isinstance(value, bytes) else str(value)
