# SPDX-License-Identifier: BSD-3-Clause
"""The surroundings of one measurement: a topic, queues, workers, and alerts for them."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks import environment as env
from benchmarks.alerts import HEADERS, TOPIC, Alerts
from benchmarks.notes import Notes
from benchmarks.program import Program
from benchmarks.queues import Queue, RabbitQueue, RedisQueue
from benchmarks.servers import REDIS, Servers
from benchmarks.usage import family
from benchmarks.ways import FLOORS, PUBLISHING, command, is_worker

__all__ = ["Plan", "Stage", "options_of", "stage"]

_TIMEOUT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    What a stage is like.

    Attributes
    ----------
    size : int
        Bytes of an alert on the wire.
    partitions, handlers, other_topics : int
        Of the topic, on the topic, and topics with a handler each beside it.
    rejecting : bool
        Whether the handlers want one alert in ten.
    pool, concurrency : str, int
        As ``celery worker`` takes them.
    task_broker : str
        Redis or RabbitMQ.
    appendonly : bool
        Whether Redis writes its data to the disk.
    consumed : bool
        Whether the handlers' queue is consumed.
    options : mapping
        Options of Kafka's client that this package's worker is given.
    """

    size: int = 9_800
    partitions: int = 4
    handlers: int = 1
    other_topics: int = 0
    rejecting: bool = False
    pool: str = "solo"
    concurrency: int = 1
    task_broker: str = REDIS
    appendonly: bool = False
    consumed: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


def options_of(about: Mapping[str, Any]) -> dict[str, str]:
    """Return the options of Kafka's client that a case gives another value."""
    name, _, value = str(about.get("changed", "")).partition(" ")
    return {name: value} if value else {}


class Stage:
    """Set up when it is made; see :func:`stage`."""

    def __init__(self, servers: Servers, folder: Path, plan: Plan) -> None:
        self.servers = servers
        self.plan = plan
        self.alerts = Alerts(plan.size)
        self.name = f"bench-{uuid.uuid4().hex[:8]}"
        self.topic = f"{self.name}.{TOPIC}"
        self.handler_queue = self.name if plan.consumed else f"{self.name}-handlers"
        self.notes = Notes(folder / "notes")
        self.workers: list[Program] = []
        self._folder = folder
        self._sender: Any = None
        self.redis = servers.fresh_redis(appendonly=plan.appendonly)
        servers.kafka.create_topic(self.topic, plan.partitions)
        self._others = [f"{self.name}.other_{number}" for number in range(plan.other_topics)]
        for topic in self._others:
            servers.kafka.create_topic(topic)
        self.queue: Queue = self._queue()

    def start(self, way: str, count: int = 1, **environ: str) -> None:
        """Start workers of one way, or one of the floor's raw bridges."""
        for _ in range(count):
            if is_worker(way):
                node = f"w{len(self.workers) + 1}@%h"
                self.begin(
                    [*command(way, self.plan.pool, self.plan.concurrency), "-n", node], environ
                )
            else:
                self.start_program("benchmarks.floors.bridge", self.topic, FLOORS[way], **environ)

    def start_program(self, *argv: str, **environ: str) -> Program:
        """Start a module of ours that is no worker."""
        return self.begin([sys.executable, "-m", *argv], environ)

    def start_publisher(self) -> Program:
        """Start a worker that sends, and does not listen."""
        argv = command(PUBLISHING, self.plan.pool, self.plan.concurrency)
        return self.begin([*argv, "-n", "publisher@%h"])

    def pids(self) -> list[int]:
        """Return the workers' processes, their pools' included."""
        return [pid for worker in self.workers for pid in family(worker.pid)]

    def send(self, numbers: Iterable[int]) -> None:
        """Send alerts, each to the partition of its number; blocks until Kafka has them."""
        if self._sender is None:
            self._sender = self.producer({"linger.ms": 0})
        for number in numbers:
            self._put(self._sender, number)
        if self._sender.flush(_TIMEOUT_S):
            raise TimeoutError("Kafka does not take the alerts")

    @contextmanager
    def backlog(self, numbers: Iterable[int]) -> Iterator[None]:
        """
        Put alerts into Kafka that no consumer sees; on leaving, all of them appear at once.

        So workers are long ready when their backlog comes, and what they do to start is not
        measured with it. It is one transaction of Kafka's.
        """
        producer = self.producer({"transactional.id": self.name, "transaction.timeout.ms": 600_000})
        producer.init_transactions(_TIMEOUT_S)
        producer.begin_transaction()
        for number in numbers:
            self._put(producer, number)
        producer.flush(_TIMEOUT_S)
        yield
        producer.commit_transaction(_TIMEOUT_S)

    def producer(self, options: Mapping[str, Any] | None = None) -> Any:
        """Return a raw producer."""
        ours = {
            "bootstrap.servers": self.servers.kafka.bootstrap,
            "enable.idempotence": True,
            "message.max.bytes": 2_000_000,
            "log_level": 0,
        }
        return Producer({**ours, **(options or {})})

    def partition_of(self, number: int) -> int:
        """Return where an alert goes: in rows of ten, so that each partition has all types."""
        return number // 10 % self.plan.partitions

    def close(self) -> None:
        """Kill the workers, and remove topic and queue."""
        for worker in self.workers:
            worker.process.kill()
        self.notes.close()
        if isinstance(self.queue, RabbitQueue):
            self.queue.close()
        self.redis.close()
        for topic in (self.topic, *self._others):
            self.servers.kafka.delete_topic(topic)

    def _put(self, producer: Any, number: int) -> None:
        where = {"headers": HEADERS, "partition": self.partition_of(number)}
        while True:
            try:
                producer.produce(self.topic, self.alerts.wire(number), **where)
            except BufferError:
                producer.poll(0.1)
            else:
                producer.poll(0)
                return

    def begin(self, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Program:
        """Start anything, told of its surroundings by the environment."""
        name = f"w{len(self.workers) + 1}"
        worker = Program(name, self._folder, argv, {**self._environ(), **(environ or {})})
        self.workers.append(worker)
        return worker

    def _queue(self) -> Queue:
        if self.plan.task_broker == REDIS:
            return RedisQueue(self.redis, self.handler_queue)
        return RabbitQueue(self.servers.rabbitmq, self.handler_queue)

    def _environ(self) -> dict[str, str]:
        servers, plan = self.servers, self.plan
        url = servers.redis.url if plan.task_broker == REDIS else servers.rabbitmq.url
        return {
            env.KAFKA: servers.kafka.bootstrap,
            env.TASK_BROKER: url,
            env.QUEUE: self.name,
            env.HANDLER_QUEUE: self.handler_queue,
            env.HANDLERS: str(plan.handlers),
            env.OTHER_TOPICS: str(plan.other_topics),
            env.REJECTING: "yes" if plan.rejecting else "",
            env.NOTES: str(self._folder / "notes"),
            "IGWN_ALERT_SERVER": f"kafka://{servers.kafka.bootstrap}/",
            "IGWN_ALERT_GROUP": self.name,
            "IGWN_ALERT_CONSUMER_GROUP": self.name,
            "IGWN_ALERT_STATE_DIR": str(self._folder),
            # The floors and today's way do not know it.
            "IGWN_ALERT_KAFKA_OPTIONS": json.dumps(dict(plan.options)),
        }


@contextmanager
def stage(servers: Servers, folder: Path, plan: Plan) -> Iterator[Stage]:
    """Set one up in an empty folder; kill and remove what was started."""
    made = Stage(servers, folder, plan)
    try:
        yield made
    finally:
        made.close()
