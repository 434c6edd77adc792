# SPDX-License-Identifier: BSD-3-Clause
"""One run's surroundings: servers, a topic, queues, workers, a sender and a diary."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import kombu

from tests.faults.crew import CrewMember
from tests.faults.diary import Diary
from tests.faults.links import Link
from tests.faults.sender import PARTITIONS, Sender
from tests.faults.servers import FaultKafka, FaultRabbitMQ, FaultRedis
from tests.faults.story import Story
from tests.faults.ways import OURS, Way
from tests.services.task_message import body_of
from tests.services.wait import wait_until

__all__ = ["Servers", "Stage"]


@dataclass
class Servers:
    """What a run may break; the task broker is one of the two."""

    kafka: FaultKafka
    redis: FaultRedis
    rabbitmq: FaultRabbitMQ | None = None
    links: Mapping[str, Link] = field(default_factory=dict)

    def restore(self) -> None:
        """Start what a run has stopped, and undo what it has set."""
        for service in (self.kafka, self.redis, self.rabbitmq):
            if service is not None:
                service.start()
        for link in self.links.values():
            link.heal()
        with self.redis.client() as client:
            client.replicaof("NO", "ONE")
            client.config_set("maxmemory", 0)
            client.config_set("appendfsync", "everysec")


class Stage:
    """
    Set up when it is made; see :meth:`close`.

    Parameters
    ----------
    servers : Servers
        They run.
    folder : Path
        For diary and logs; empty.
    task_broker : str
        ``redis`` or ``rabbitmq``.
    pool : str
        As ``celery worker -P`` takes it.
    way : Way
        What the workers run.
    seed : int
        For what a fault chooses at random.
    """

    def __init__(
        self,
        servers: Servers,
        folder: Path,
        task_broker: str,
        pool: str,
        way: Way = OURS,
        seed: int = 0,
    ) -> None:
        self.servers = servers
        self.way = way
        self.task_broker = task_broker
        self.pool = pool
        self.random = random.Random(seed)
        self.story = Story()
        self.crew: list[CrewMember] = []
        self.name = f"faults-{uuid.uuid4().hex[:8]}"
        self.diary = Diary(folder / "diary.jsonl")
        self._folder = folder
        topic = f"{self.name}.superevent"
        servers.kafka.create_topic(topic, PARTITIONS)
        if task_broker == "redis":
            servers.redis.client().flushall()
        self.sender = Sender(servers.kafka.bootstrap, topic)
        self.counting = True
        self.environ: dict[str, str] = {}

    @property
    def on_redis(self) -> bool:
        """Whether Redis is the task broker."""
        return self.task_broker == "redis"

    def worker(self, *options: str, **environ: str) -> CrewMember:
        """Start one more worker; returns at once."""
        name = f"w{len(self.crew) + 1}"
        argv = [self.way.python, "-m", "celery", "-A", self.way.app, "worker", "-l", "INFO"]
        argv += ["-P", self.pool, "-c", "2", "--without-mingle", *options]
        member = CrewMember(name, self._folder, argv, {**self._environ(), **environ})
        self.crew.append(member)
        return member

    def workers(self, count: int) -> None:
        """Start workers and wait until each receives."""
        for member in [self.worker() for _ in range(count)]:
            self.way.listens(self, member)

    def handled(self) -> int:
        """How many alerts' handlers have come to their end."""
        return len(self.diary.ended())

    def under_way(self, count: int = 40, timeout_s: float = 120.0) -> None:
        """Wait until so many more alerts than now are handled."""
        goal = self.handled() + count
        wait_until(lambda: self.handled() >= goal, timeout_s, f"{goal} alerts handled")

    def last_for(self, seconds: float) -> None:
        """Let a fault last: that it does is the test, so nothing can be waited for instead."""
        time.sleep(seconds)

    def settle(self, timeout_s: float) -> bool:
        """Wait until all is handled and nothing is left to run; return whether that came true."""
        numbers = set(self.sender.accepted)
        if self.story.emptied is not None:
            numbers -= {n for n, at in self.sender.accepted.items() if at <= self.story.emptied}

        def done() -> bool:
            return numbers <= self.diary.ended() and not self.left()

        try:
            return wait_until(done, timeout_s, "all is handled")
        except TimeoutError:
            return False

    def left(self) -> int:
        """How many messages still wait for a handler, or for the word that it has ended."""
        if not self.on_redis:
            with kombu.Connection(self._rabbitmq.url) as connection:
                return int(
                    kombu.Queue(self.name, channel=connection).queue_declare(passive=True)[1]
                )
        with self.servers.redis.client() as client:
            keys = [key for key in client.keys("*unacked*") if client.type(key) == b"hash"]
            return int(client.llen(self.name)) + sum(client.hlen(key) for key in keys)

    def died(self) -> tuple[str, ...]:
        """Return the workers that have ended though nothing told them to."""
        gone = (m for m in self.crew if not m.process.alive and not m.told_to_end)
        return tuple(f"{member.name} ended by itself" for member in gone)

    def counted(self) -> list[int]:
        """Return whose messages lie in the queue that nobody consumes, the oldest first."""
        if self.on_redis:
            with self.servers.redis.client() as client:
                items = client.lrange(f"{self.name}-counted", 0, -1)
            bodies = [body_of(json.loads(item)) for item in reversed(items)]
        else:
            bodies = self._drained()
        return [int(json.loads(body)[0][0]["uid"]) for body in bodies]

    def _drained(self) -> list[bytes]:
        bodies = []
        with kombu.Connection(self._rabbitmq.url) as connection:
            queue = kombu.Queue(f"{self.name}-counted", channel=connection.default_channel)
            while (message := queue.get(no_ack=True)) is not None:
                body = message.body
                bodies.append(body.encode() if isinstance(body, str) else bytes(body))
        return bodies

    def close(self) -> None:
        """Kill the workers, let the sender go."""
        for member in self.crew:
            member.process.kill()
        self.sender.close()

    @property
    def _rabbitmq(self) -> FaultRabbitMQ:
        if self.servers.rabbitmq is None:
            raise RuntimeError("this run has no RabbitMQ")
        return self.servers.rabbitmq

    def _environ(self) -> dict[str, str]:
        kafka, redis = self.servers.kafka, self.servers.redis
        return {
            "FAULTS_BROKER": redis.detour if self.on_redis else self._rabbitmq.detour,
            "FAULTS_QUEUE": self.name,
            "FAULTS_COUNTED_QUEUE": f"{self.name}-counted" if self.counting else "",
            "FAULTS_DIARY": str(self._folder / "diary.jsonl"),
            "IGWN_ALERT_SERVER": f"kafka://{kafka.detour}/",
            "IGWN_ALERT_GROUP": self.name,
            "IGWN_ALERT_CONSUMER_GROUP": self.name,
            "IGWN_ALERT_STATE_DIR": str(self._folder),
            **self.environ,
        }
