# SPDX-License-Identifier: BSD-3-Clause
"""The broker, and what tests do to it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from confluent_kafka import (
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from tests.services.absent import program
from tests.services.kafka.config import server_properties
from tests.services.kafka.jars import kafka_jars
from tests.services.ports import free_port
from tests.services.process import Process
from tests.services.service import Service
from tests.services.wait import wait_until

__all__ = ["Kafka"]

_CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAA"
_TIMEOUT_S = 60.0


def _quiet(_error: object) -> None:
    """Take librdkafka's errors: a broker that a test stopped is no news."""


class Kafka(Service):
    """A KRaft broker on a free port."""

    variable = "IGWN_ALERT_TEST_KAFKA"
    _listeners: ClassVar[tuple[str, ...]] = ("PLAINTEXT", "CONTROLLER")
    _format_options: ClassVar[tuple[str, ...]] = ()
    _replicas: ClassVar[int] = 1
    # `create_topic` has waited for the leaders, so an unknown topic is one that is missing.
    _propagation_ms: ClassVar[int] = 2000

    def __init__(self, address: str | None = None) -> None:
        self._admin_client: Any = None
        self._producer_client: Any = None
        self._undelivered: list[str] = []
        self._topics: dict[str, int] = {}
        self._askers: dict[str, Any] = {}
        super().__init__(address)

    @property
    def bootstrap(self) -> str:
        """``host:port``, as ``bootstrap.servers`` takes it."""
        return self.address

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Create a topic and wait until each partition has a leader.

        ``config`` has Kafka's options of a topic, underscores for dots.
        """
        options = {key.replace("_", "."): value for key, value in config.items()}
        new = NewTopic(
            name, num_partitions=partitions, replication_factor=self._replicas, config=options
        )
        self._admin.create_topics([new], operation_timeout=_TIMEOUT_S)[name].result(_TIMEOUT_S)
        wait_until(lambda: self._leaders(name) == partitions, _TIMEOUT_S, f"topic {name}")
        self._topics[name] = partitions

    def delete_topic(self, name: str) -> None:
        """Delete a topic and wait until it is gone."""
        self._topics.pop(name, None)
        self._admin.delete_topics([name], operation_timeout=_TIMEOUT_S)[name].result(_TIMEOUT_S)
        wait_until(lambda: not self._exists(name), _TIMEOUT_S, f"end of topic {name}")

    def add_partitions(self, name: str, total: int) -> None:
        """Let a topic have so many partitions and wait until each has a leader."""
        new = NewPartitions(name, total)
        self._admin.create_partitions([new])[name].result(_TIMEOUT_S)
        wait_until(lambda: self._leaders(name) == total, _TIMEOUT_S, f"partitions of {name}")
        self._topics[name] = total

    def partitions(self, name: str) -> list[int]:
        """Return the numbers of a topic's partitions."""
        return sorted(self._admin.list_topics(name, timeout=_TIMEOUT_S).topics[name].partitions)

    def delete_records(self, name: str, partition: int, before: int) -> None:
        """Delete the records below an offset, as retention does."""
        part = TopicPartition(name, partition, before)
        for future in self._admin.delete_records([part]).values():
            future.result(_TIMEOUT_S)

    def commits(self, consumer_group: str, topic: str | None = None) -> dict[int, tuple[int, str]]:
        """Return offset and metadata that a group has committed, by partition (of one topic)."""
        topics = self._topics if topic is None else {topic: self._topics[topic]}
        asked = [TopicPartition(name, number) for name in topics for number in range(topics[name])]
        answer = self._of_group(consumer_group).committed(asked, timeout=_TIMEOUT_S)
        return {part.partition: (part.offset, part.metadata) for part in answer if part.offset >= 0}

    def set_commit(self, consumer_group: str, name: str, partition: int, offset: int) -> None:
        """Set a group's offset as Kafka's own tools do; nobody may be in the group."""
        part = TopicPartition(name, partition, offset)
        self._of_group(consumer_group).commit(offsets=[part], asynchronous=False)

    def send(
        self,
        topic: str,
        value: bytes | str | None,
        key: bytes | str | None = None,
        headers: Sequence[tuple[str, bytes | None]] | None = None,
        partition: int | None = None,
    ) -> None:
        """Queue one record for sending; `flush` delivers."""
        where = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(
                    topic,
                    value,
                    key=key,
                    headers=list(headers or []),
                    on_delivery=self._delivered,
                    **where,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def flush(self) -> None:
        """Wait until all that was sent is stored; raise when something was not."""
        left = self._producer.flush(_TIMEOUT_S)
        failed, self._undelivered = self._undelivered, []
        if left:
            self._producer.purge()
            self._producer.poll(0)
            self._undelivered.clear()
        if left or failed:
            raise RuntimeError(f"{left} records unsent, {len(failed)} refused: {failed[:3]}")

    def close(self) -> None:
        """Let the clients go, end the broker, remove its data."""
        if self._producer_client is not None:
            self._producer_client.purge()
            self._producer_client.flush(5.0)
        self._admin_client = self._producer_client = None
        for asker in self._askers.values():
            asker.close()
        self._askers.clear()
        super().close()

    @property
    def _admin(self) -> Any:
        if self._admin_client is None:
            self._admin_client = AdminClient(self._client_options())
        return self._admin_client

    @property
    def _producer(self) -> Any:
        if self._producer_client is None:
            more = {
                "enable.idempotence": True,
                "topic.metadata.propagation.max.ms": self._propagation_ms,
            }
            self._producer_client = Producer({**self._client_options(), **more})
        return self._producer_client

    def _client_options(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.bootstrap,
            "error_cb": _quiet,
            "log_level": 0,
            "reconnect.backoff.max.ms": 500,
        }

    def _of_group(self, consumer_group: str) -> Any:
        """Return who may ask for a group's commits, and joins it never.

        An administration client's question would end this process, now and then when the broker is
        slow to answer (https://github.com/confluentinc/librdkafka/issues/4605).
        """
        if consumer_group not in self._askers:
            options = {**self._client_options(), "group.id": consumer_group}
            self._askers[consumer_group] = Consumer({**options, "enable.auto.commit": False})
        return self._askers[consumer_group]

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None:
            self._undelivered.append(str(error))

    def _exists(self, name: str) -> bool:
        return name in self._admin.list_topics(timeout=_TIMEOUT_S).topics

    def _leaders(self, name: str) -> int:
        return _led(self._admin.list_topics(timeout=_TIMEOUT_S), name)

    def _prepare(self) -> str:
        self._java = program("java", "apt-get install default-jre-headless")
        self._jars = kafka_jars()
        self._ports = self._choose_ports()
        config = server_properties(self._ports, self.folder / "data", self._more_properties())
        self._config.write_text(config)
        return f"127.0.0.1:{self._ports['PLAINTEXT']}"

    def _choose_ports(self) -> dict[str, int]:
        return {name: free_port() for name in self._listeners}

    def _more_properties(self) -> dict[str, str]:
        return {}

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def _launch(self) -> Process:
        if not (self.folder / "data").exists():
            tool = self._command("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c")
            options = [str(self._config), *self._format_options]
            subprocess.run([*tool, *options], check=True, stdout=subprocess.DEVNULL)
        return Process(self._command("kafka.Kafka", str(self._config)), self.folder)

    def _command(self, *main: str) -> list[str]:
        return [self._java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{self._jars}/*", *main]

    def _answers(self) -> bool:
        probe = AdminClient({**self._client_options(), "socket.timeout.ms": 2000})
        try:
            seen = probe.list_topics(timeout=2.0)
        except KafkaException:
            return False
        # One that has just started may not know all of its topics yet, and a producer would take it
        # at its word.
        return bool(seen.brokers) and all(
            _led(seen, name) == partitions for name, partitions in self._topics.items()
        )


def _led(seen: Any, name: str) -> int:
    """Return how many partitions of a topic have a leader, in what a broker has told."""
    topic = seen.topics.get(name)
    partitions = topic.partitions.values() if topic is not None else ()
    return sum(partition.leader >= 0 for partition in partitions)
