# SPDX-License-Identifier: BSD-3-Clause
"""The tasks that one worker holds: popped from a queue, and neither handled nor given back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from kombu.transport.redis import QoS
from redis import Redis

from igwn_alert_celery.enqueue.redis_dead_letters import text_of
from igwn_alert_celery.redelivery.keys import Keys, transport_options
from igwn_alert_celery.task import HEADER

__all__ = ["Unacked", "task_id_of"]


def task_id_of(headers: Any) -> str:
    """Return the id of a handler's task; empty for every other task."""
    return str(headers["id"]) if isinstance(headers, dict) and HEADER in headers else ""


class Unacked:
    """One worker's held tasks; raises what redis-py does.

    Parameters
    ----------
    channel : kombu.transport.redis.Channel
        Open; of whatever worker.
    client : redis.Redis
        On the same server, without a prefix.
    keys : Keys
    incarnation : str
        Whose tasks.
    """

    def __init__(self, channel: Any, client: Redis, keys: Keys, incarnation: str) -> None:
        self._client: Any = client
        self._keys = keys
        self._incarnation = incarnation
        self._unacked = keys.unacked(incarnation)
        self._running = keys.running(incarnation)
        self._qos = _qos(channel, incarnation)

    def settle(self, tag: str, task_id: str) -> None:
        """Forget a task that is handled, or given up, in one step.

        Parameters
        ----------
        tag : str
            kombu's delivery tag.
        task_id : str
            Its id if it is a handler's; empty when it stays outstanding, or was never.
        """
        pipe = self._client.pipeline()
        pipe.zrem(self._keys.unacked_index(self._incarnation), tag)
        pipe.hdel(self._unacked, tag)
        if task_id:
            pipe.hdel(self._keys.outstanding, task_id)
            pipe.hdel(self._keys.attempts, task_id)
            pipe.srem(self._running, task_id)
        pipe.execute()

    def hold(self, tag: str, text: str) -> None:
        """Note a message as kombu does: the text that it would have written."""
        pipe = self._client.pipeline()
        pipe.zadd(self._keys.unacked_index(self._incarnation), {tag: time.time()})
        pipe.hset(self._unacked, tag, text)
        pipe.execute()

    def put_back(self, tag: str, *, leftmost: bool = False) -> None:
        """Give a task back to its queue, marked redelivered: as the next, or as the last one."""
        self._qos.restore_by_tag(tag, leftmost=leftmost)

    def started(self, task_ids: Iterable[str]) -> None:
        """Note that handlers begin to run."""
        self._client.sadd(self._running, *task_ids)

    def attempt(self, task_id: str) -> int:
        """Count that a task was running when its worker died; return how often that was."""
        pipe = self._client.pipeline()
        pipe.srem(self._running, task_id)
        pipe.hget(self._keys.attempts, task_id)
        was_running, before = pipe.execute()
        if not was_running:
            # Counted by another worker that restores as well.
            return int(before or 0)
        return int(self._client.hincrby(self._keys.attempts, task_id, 1))

    def running(self) -> set[str]:
        """Return the ids of the handlers' tasks that were running."""
        return {text_of(item) for item in self._client.smembers(self._running)}

    def tags(self) -> list[str]:
        """Return the delivery tags of all tasks held."""
        return [text_of(item) for item in self._client.hkeys(self._unacked)]

    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Return tag and message of all tasks held, as kombu keeps them."""
        found = self._client.hgetall(self._unacked).items()
        return [(text_of(tag), json.loads(text)[0]) for tag, text in found]


def _qos(channel: Any, incarnation: str) -> Any:
    qos = QoS(channel)
    # It is no channel's own: nothing is delivered through it, so nothing to restore at exit.
    qos._on_collect.cancel()  # noqa: SLF001 - kombu has no other way
    for name, key in transport_options(incarnation).items():
        setattr(qos, name, key)
    return qos
