# SPDX-License-Identifier: BSD-3-Clause
"""Each service does what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import kombu
import pytest
import redis.exceptions
from confluent_kafka import Consumer, TopicPartition

from tests.services.wait import wait_until

if TYPE_CHECKING:
    from tests.services.kafka.broker import Kafka
    from tests.services.rabbitmq import RabbitMQ
    from tests.services.redis_server import RedisServer


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = f"services.{uuid4().hex}"
    kafka.create_topic(name, partitions=2)
    return name


def consume(kafka: Kafka, topic: str, partition: int, count: int) -> list[Any]:
    """Read `count` records from the beginning of one partition."""
    options = {"bootstrap.servers": kafka.bootstrap, "group.id": uuid4().hex, "log_level": 0}
    consumer = Consumer(options)
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        records: list[Any] = []

        def enough() -> bool:
            record = consumer.poll(0.5)
            if record is not None and record.error() is None:
                records.append(record)
            return len(records) >= count

        wait_until(enough, 60.0, f"{count} records")
        return records
    finally:
        consumer.close()


def join(kafka: Kafka, topic: str) -> set[int]:
    """Join a fresh consumer group and return the partitions that it was given."""
    options = {"bootstrap.servers": kafka.bootstrap, "group.id": uuid4().hex, "log_level": 0}
    consumer = Consumer(options)
    given: list[Any] = []
    try:
        consumer.subscribe([topic], on_assign=lambda _, partitions: given.extend(partitions))

        def assigned() -> bool:
            consumer.poll(0.2)
            return bool(given)

        wait_until(assigned, 60.0, "an assignment")
        return {partition.partition for partition in given}
    finally:
        consumer.close()


def test_kafka_produces_and_consumes(kafka: Kafka, topic: str) -> None:
    kafka.send(topic, b"one", key=b"k", headers=[("h", b"v"), ("none", None)], partition=1)
    kafka.send(topic, None, partition=1)
    kafka.flush()
    one, none = consume(kafka, topic, partition=1, count=2)
    assert (one.value(), one.key(), one.headers()) == (b"one", b"k", [("h", b"v"), ("none", None)])
    assert none.value() is None
    assert [one.offset(), none.offset()] == [0, 1]


def test_kafka_shares_partitions_in_a_consumer_group(kafka: Kafka, topic: str) -> None:
    assert join(kafka, topic) == {0, 1}


def test_kafka_does_not_create_topics_by_itself(kafka: Kafka) -> None:
    kafka.send("services.never-created", b"x")
    with pytest.raises(RuntimeError, match=r"1 refused|1 records unsent"):
        kafka.flush()


def test_kafka_topic_is_deleted_and_created_again_empty(kafka: Kafka, topic: str) -> None:
    kafka.send(topic, b"old", partition=0)
    kafka.flush()
    kafka.delete_topic(topic)
    kafka.create_topic(topic, partitions=1)
    kafka.send(topic, b"new", partition=0)
    kafka.flush()
    (record,) = consume(kafka, topic, partition=0, count=1)
    assert (record.offset(), record.value()) == (0, b"new")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_kafka_keeps_its_records_over_a_restart(kafka: Kafka, topic: str, end: str) -> None:
    kafka.send(topic, b"kept", partition=0)
    kafka.flush()
    getattr(kafka, end)()
    assert not kafka.running
    kafka.start()
    (record,) = consume(kafka, topic, partition=0, count=1)
    assert record.value() == b"kept"


def test_redis_sets_and_gets(redis_server: RedisServer) -> None:
    key = uuid4().hex
    redis_server.client().set(key, "1", ex=60)
    assert redis_server.client(decode_responses=True).get(key) == "1"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_redis_keeps_its_data_over_a_restart(redis_server: RedisServer, end: str) -> None:
    key, client = uuid4().hex, redis_server.client()
    client.set(key, "kept", ex=60)
    getattr(redis_server, end)()
    with pytest.raises(redis.exceptions.ConnectionError):
        client.get(key)
    redis_server.start()
    assert client.get(key) == b"kept"


def test_redis_appends_to_a_file(redis_server: RedisServer) -> None:
    if redis_server.foreign:
        pytest.skip("IGWN_ALERT_TEST_REDIS is configured by its owner")
    assert redis_server.client(decode_responses=True).config_get("appendonly") == {
        "appendonly": "yes"
    }


def test_rabbitmq_publishes_with_confirm_and_gets(rabbitmq: RabbitMQ) -> None:
    options = {"confirm_publish": True}
    with kombu.Connection(rabbitmq.url, transport_options=options) as connection:
        queue = connection.SimpleQueue(
            uuid4().hex, queue_opts={"auto_delete": True, "durable": False}
        )
        queue.put({"answer": 42})
        message = queue.get(timeout=60.0)
        message.ack()
        queue.close()
    assert message.payload == {"answer": 42}


def test_rabbitmq_keeps_durable_messages_over_a_restart(rabbitmq: RabbitMQ) -> None:
    name = uuid4().hex
    options = {"confirm_publish": True}
    with kombu.Connection(rabbitmq.url, transport_options=options) as connection:
        connection.SimpleQueue(name).put("kept")
    rabbitmq.stop()
    rabbitmq.start()
    with kombu.Connection(rabbitmq.url) as connection:
        queue = connection.SimpleQueue(name)
        message = queue.get(timeout=60.0)
        message.ack()
        queue.queue.delete()
    assert message.payload == "kept"
