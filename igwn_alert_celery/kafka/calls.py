# SPDX-License-Identifier: BSD-3-Clause
"""What every call to confluent_kafka has in common: a bound, our errors, our types."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import confluent_kafka

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.record import TopicPartition

__all__ = ["CALL_S", "LOST_S", "answer_of", "kafka_errors", "ours", "plain"]

#: Bound of one question to Kafka, seconds.
CALL_S = 5.0
#: An administration client that has lost Kafka (``handles.py``) may keep a question for ever, its
#: time limit notwithstanding; after so long, seconds, nobody waits for it any more.
LOST_S = 10.0
_LOOK_S = 0.002


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Turn confluent_kafka's exception into ours; its text holds no configuration."""
    try:
        yield
    except confluent_kafka.KafkaException as exc:
        error = exc.args[0]
        text = error.str() if hasattr(error, "str") else str(error)
        raise KafkaUnavailable(f"{doing}: {text}") from exc


def answer_of(future: Any, timeout_s: float = CALL_S + 1.0) -> Any:
    """Return a future's result, or raise its exception or :exc:`TimeoutError`.

    librdkafka sets it on a thread of its own. Waiting in ``Future.result`` would need a lock that
    gevent and eventlet have replaced by one for greenlets, so this looks until it is there.
    """
    deadline = time.monotonic() + timeout_s
    while not future.done():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_LOOK_S)
    return future.result(0)


def plain(partition: TopicPartition, offset: int | None = None) -> Any:
    """Return confluent_kafka's own TopicPartition."""
    if offset is None:
        return confluent_kafka.TopicPartition(partition.topic, partition.partition)
    return confluent_kafka.TopicPartition(partition.topic, partition.partition, offset)


def ours(part: Any) -> TopicPartition:
    """Return our TopicPartition of confluent_kafka's."""
    return TopicPartition(part.topic, part.partition)
