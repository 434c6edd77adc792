# SPDX-License-Identifier: BSD-3-Clause
"""An app that sends, and what it has sent."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import confluent_kafka
import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert
from tests.integration.conftest import Deployment, _deploy
from tests.services.wait import wait_until

__all__ = ["Sending"]


class Sending:
    """A sender-only app, such as a web site's, beside a deployment's workers."""

    def __init__(self, deployment: Deployment, backend_url: str) -> None:
        self.deployment = deployment
        self.kafka = deployment.kafka
        deployment.environment["CELERY_RESULT_BACKEND"] = backend_url
        deployment.client(backend_url).flushdb()
        self.app = Celery(
            "website",
            broker=deployment.environment["FOLLOWUP_BROKER"],
            backend=backend_url,
            set_as_current=False,
        )
        self.app.conf.task_default_queue = deployment.environment["FOLLOWUP_QUEUE"]
        self.igwn_alert = IGWNAlert(
            self.app,
            server=f"kafka://{self.kafka.bootstrap}/",
            group=deployment.group,
            consumer_group=deployment.group,
            state_dir=deployment.environment["IGWN_ALERT_STATE_DIR"],
            noauth=True,
        )

    def worker(self, *options: str, name: str = "w1", **environment: str) -> Any:
        """Start a worker that only runs tasks, and wait until it takes them."""
        self.deployment.environment.update(environment)
        worker = self.deployment.start(*options, "--no-igwn-alert", name=name)
        worker.expect("ready.")
        return worker

    def records(self, topic: str | None = None) -> list[Any]:
        """Return all records of a topic, partition by partition."""
        return read_all(self.kafka, topic or self.deployment.topic)

    def count(self) -> int:
        """Return how many records the topic ``superevent`` has."""
        with reading(self.kafka) as consumer:
            return sum(ends_of(consumer, self.deployment.topic).values())

    def expect(self, results: list[Any], timeout_s: float = 120.0) -> list[Any]:
        """Wait until all tasks have succeeded; return what they answered."""
        return [result.get(timeout=timeout_s, interval=0.05) for result in results]

    def expect_once_each(self, total: int) -> None:
        """Check that the topic has so many records, with an id and an alert each."""
        found = self.records()
        ids = {record_id(record) for record in found}
        values = {record.value() for record in found}
        assert (len(found), len(ids), len(values)) == (total, total, total)

    def close(self) -> None:
        """Let the app's connections go."""
        self.igwn_alert.sender.close()
        # Results let go of the backend when they are collected, which needs the server.
        gc.collect()
        self.app.close()


def record_id(record: Any) -> uuid.UUID:
    """Return hop's id."""
    return uuid.UUID(bytes=dict(record.headers())["_id"])


def read_all(kafka: Any, topic: str) -> list[Any]:
    """Return all records of a topic, partition by partition."""
    with reading(kafka) as consumer:
        ends = ends_of(consumer, topic)
        consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in ends])
        found: list[Any] = []
        while left := sum(ends.values()) - len(found):
            batch = consumer.consume(left, timeout=60)
            assert batch, f"{topic} ends early"
            found += [message for message in batch if message.error() is None]
    return sorted(found, key=lambda record: (record.partition(), record.offset()))


def ends_of(consumer: Any, topic: str) -> dict[int, int]:
    """Return how many records each partition has; a topic may be so new that nobody knows."""
    return wait_until(lambda: _told_ends(consumer, topic), 90, f"the ends of {topic}")


def _told_ends(consumer: Any, topic: str) -> dict[int, int]:
    try:
        return _ends(consumer, topic)
    except confluent_kafka.KafkaException:
        return {}


def _ends(consumer: Any, topic: str) -> dict[int, int]:
    return {
        number: consumer.get_watermark_offsets(
            confluent_kafka.TopicPartition(topic, number), timeout=60
        )[1]
        for number in consumer.list_topics(topic, timeout=60).topics[topic].partitions
    }


@contextmanager
def reading(kafka: Any) -> Iterator[Any]:
    """Open a consumer that joins no group."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "fetch.wait.max.ms": 10}
    )
    try:
        yield consumer
    finally:
        consumer.close()


@pytest.fixture
def sending(deployment: Deployment, redis_server: Any) -> Iterator[Sending]:
    """On Redis, with the topics ``superevent`` and ``mdc_superevent``."""
    found = Sending(deployment, redis_server.other_url)
    yield found
    found.close()


@pytest.fixture(scope="module")
def solo(
    kafka: Any, redis_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sending]:
    """The same with a worker, for all tests of a module."""
    folder = tmp_path_factory.mktemp("solo")
    for deployment in _deploy(kafka, redis_server.url, redis_server, folder):
        found = Sending(deployment, redis_server.other_url)
        found.worker("-P", "solo")
        yield found
        found.close()


@pytest.fixture
def amqp_sending(amqp_deployment: Deployment, redis_server: Any) -> Iterator[Sending]:
    """The same on RabbitMQ."""
    found = Sending(amqp_deployment, redis_server.other_url)
    yield found
    found.close()


def dead_letters(sending: Sending, count: int) -> list[Any]:
    """Wait for so many dead letters on Redis, and return them."""
    client = sending.deployment.redis
    wait_until(lambda: client.hlen("igwn_alert:dead_letters") >= count, 90, "dead letters")
    from igwn_alert_celery.dead_letter import DeadLetter

    return [DeadLetter.from_json(text) for text in client.hvals("igwn_alert:dead_letters")]
