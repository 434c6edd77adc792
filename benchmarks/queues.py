# SPDX-License-Identifier: BSD-3-Clause
"""The queue that nobody consumes: how long it is, and what lies in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import kombu

from benchmarks.alerts import number_in
from tests.services.rabbitmq import RabbitMQ
from tests.services.task_message import body_of

__all__ = ["Arrival", "Queue", "RabbitQueue", "RedisQueue"]

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Arrival:
    """A task message: its id, its task, and the number of its alert."""

    task_id: str
    task: str
    number: int


class Queue(Protocol):
    """One queue of a task broker."""

    def length(self) -> int:
        """Return how many messages wait in it."""

    def arrivals(self) -> Iterator[Arrival]:
        """Yield them, the oldest first."""


class RedisQueue:
    """A list of Redis, as kombu fills it: from the left."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def length(self) -> int:
        """Return how many messages wait in it."""
        return int(self._client.llen(self._name))

    def arrivals(self) -> Iterator[Arrival]:
        """Yield them, the oldest first; they stay."""
        for end in range(self.length() - 1, -1, -_CHUNK):
            start = max(end - _CHUNK + 1, 0)
            for item in reversed(self._client.lrange(self._name, start, end)):
                yield arrival(item)


class RabbitQueue:
    """A queue of RabbitMQ."""

    def __init__(self, server: RabbitMQ, name: str) -> None:
        self._connection = kombu.Connection(server.url)
        self._queue = kombu.Queue(name, durable=True)(self._connection.default_channel)
        self._queue.declare()

    def length(self) -> int:
        """Return how many messages wait in it."""
        return int(self._queue.queue_declare(passive=True).message_count)

    def arrivals(self) -> Iterator[Arrival]:
        """Yield them, the oldest first; they are gone then."""
        while (message := self._queue.get(no_ack=True)) is not None:
            headers = message.headers
            body = message.body
            encoded = body.encode() if isinstance(body, str) else bytes(body)
            yield Arrival(headers["id"], headers["task"], number_in(encoded))

    def close(self) -> None:
        """Delete the queue and hang up."""
        self._queue.delete()
        self._connection.release()


def arrival(item: bytes) -> Arrival:
    """Return what one element of a list of Redis is."""
    message = json.loads(item)
    headers = message["headers"]
    return Arrival(headers["id"], headers["task"], number_in(body_of(message)))
