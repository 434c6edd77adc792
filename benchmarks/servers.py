# SPDX-License-Identifier: BSD-3-Clause
"""The servers of one run: started once, used by all measurements in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer

from benchmarks.usage import family
from tests.services.kafka.broker import Kafka
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import RedisServer
from tests.services.service import Service
from tests.services.wait import wait_until

__all__ = ["RABBITMQ", "REDIS", "Servers", "running_servers"]

REDIS = "Redis"
RABBITMQ = "RabbitMQ"

_EXERCISES, _ALERTS, _BYTES = 20, 2_000, 5_000


class _Kafka(Kafka):
    """A broker that compiles as it does in service, and does not log every topic that comes."""

    variable = "IGWN_ALERT_BENCH_KAFKA"

    def _command(self, *main: str) -> list[str]:
        java, *rest = super()._command(*main)
        options = [option for option in rest if "TieredStopAtLevel" not in option]
        return [java, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *options]


class _Redis(RedisServer):
    variable = "IGWN_ALERT_BENCH_REDIS"


class _RabbitMQ(RabbitMQ):
    variable = "IGWN_ALERT_BENCH_AMQP"


@dataclass
class Servers:
    """
    What is measured against.

    Attributes
    ----------
    kafka, redis : Kafka, RedisServer
        They run.
    """

    kafka: Kafka
    redis: RedisServer
    _ends: ExitStack
    _rabbitmq: RabbitMQ | None = None

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The RabbitMQ node, started when first asked for."""
        if self._rabbitmq is None:
            self._rabbitmq = _RabbitMQ()
            self._ends.callback(self._rabbitmq.close)
            self._rabbitmq.start()
        return self._rabbitmq

    def fresh_redis(self, *, appendonly: bool = False) -> Any:
        """Empty Redis, let it write its data to the disk or not, and return a client."""
        client = self.redis.client()
        client.flushall()
        client.config_set("appendonly", "yes" if appendonly else "no")
        # Rewriting the file in the middle of a measurement would be measured with it.
        client.config_set("auto-aof-rewrite-percentage", 0)
        wait_until(
            lambda: not client.info("persistence")["aof_rewrite_in_progress"], 60, "the file begun"
        )
        return client

    def processes(self, task_broker: str) -> dict[str, list[int]]:
        """Return the processes of Kafka and of one task broker."""
        broker: Service = self.redis if task_broker == REDIS else self.rabbitmq
        return {"kafka": _own(self.kafka), "task_broker": _own(broker)}


def _own(service: Service) -> list[int]:
    _guard, *server = family(service._own()._popen.pid)  # noqa: SLF001 - a test's service
    return server


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start Kafka and Redis; end all for certain."""
    with ExitStack() as ends:
        kafka, redis = _Kafka(), _Redis()
        for service in (kafka, redis):
            ends.callback(service.close)
            service.start()
        _exercise(kafka)
        yield Servers(kafka, redis, ends)


def _exercise(kafka: Kafka) -> None:
    """Let Kafka's virtual machine compile what it will run, before anything is measured."""
    kafka.create_topic("exercise")
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "exercise",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["exercise"])
    for _ in range(_EXERCISES):
        for _ in range(_ALERTS):
            kafka.send("exercise", bytes(_BYTES))
        kafka.flush()
        left = _ALERTS
        while left > 0:
            left -= len(consumer.consume(500, 1.0))
    consumer.close()
    kafka.delete_topic("exercise")
