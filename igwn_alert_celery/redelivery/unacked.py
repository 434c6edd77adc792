# SPDX-License-Identifier: BSD-3-Clause
"""The tasks that one worker holds: popped from a queue, and neither handled nor given back."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from typing import Any

from kombu.transport.redis import QoS
from redis import Redis

from igwn_alert_celery.enqueue.redis_dead_letters import register, text_of
from igwn_alert_celery.redelivery.keys import PACKAGE, Keys, transport_options
from igwn_alert_celery.redelivery.post import Post
from igwn_alert_celery.task import HEADER

__all__ = ["Unacked", "task_id_of"]


logger = logging.getLogger(__name__)


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
        self._told: set[tuple[str, str]] = set()

    def settle(self, tag: str, task_id: str, *, stays: bool = False) -> None:
        """Forget a task that is handled, or given up, in one step.

        Parameters
        ----------
        tag : str
            kombu's delivery tag.
        task_id : str
            Its id if it is a handler's, else empty.
        stays : bool
            Whether it stays outstanding: Celery has sent it again.
        """
        pipe = self._client.pipeline()
        pipe.zrem(self._keys.unacked_index(self._incarnation), tag)
        pipe.hdel(self._unacked, tag)
        if task_id:
            pipe.srem(self._running, task_id)
        if task_id and not stays:
            pipe.hdel(self._keys.outstanding, task_id)
            pipe.hdel(self._keys.attempts, task_id)
        pipe.execute()

    def hold(self, tag: str, text: str) -> Post:
        """Note a message as kombu does: the text that it would have written."""
        index = self._keys.unacked_index(self._incarnation)
        noted = ("ZADD", index, time.time(), tag), ("HSET", self._unacked, tag, text)
        return Post(self._client, noted)

    def put_back(self, tag: str, task_id: str = "", *, leftmost: bool = False) -> None:
        """Give a task back to its queue, marked redelivered: as the next, or as the last one.

        It is left where it is when no queue is known that takes it; kombu would drop it.
        """
        if task_id:
            self._client.srem(self._running, task_id)
        text = self._client.hget(self._unacked, tag)
        if text is None:
            return  # somebody else has given it back
        _, exchange, routing_key = json.loads(text)
        if self._qos.channel._lookup(exchange, routing_key):  # noqa: SLF001 - as its QoS does
            self._qos.restore_by_tag(tag, leftmost=leftmost)
        elif (exchange, routing_key) not in self._told:
            self._told.add((exchange, routing_key))
            logger.error(
                "no queue is known here for exchange %r, routing key %r: the task stays in %s, for "
                "a worker whose task_queues name it",
                exchange,
                routing_key,
                self._unacked,
            )

    def started(self, task_ids: Iterable[str]) -> Post:
        """Note that handlers begin to run."""
        return Post(self._client, [("SADD", self._running, *task_ids)])

    def attempt(self, task_id: str) -> int:
        """Count that a task was running when its worker died; return how often that was."""
        script = register(self._client, "attempt.lua", package=PACKAGE)
        return int(script([self._running, self._keys.attempts], [task_id]))

    def not_running(self, task_ids: Iterable[str]) -> None:
        """Note that handlers do not run any more."""
        self._client.srem(self._running, *task_ids)

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
