# SPDX-License-Identifier: BSD-3-Clause
"""Which server holds the large messages? Only the Kafka service itself can say so."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import KafkaUnavailable, PoisonRecord
from igwn_alert_celery.kafka.calls import kafka_errors
from igwn_alert_celery.kafka.json_text import parse

__all__ = ["OffloadServer"]

logger = logging.getLogger(__name__)

# As hop-client 0.13 finds it (hop/io.py).
_TOPIC = "sys.metadata"
_KEY = "LargeMessageUploadEndpoint"
_LIMIT_S = 10.0
_AGAIN_S = 60.0
# Shorter than the pause before a send is tried again; the other records of its batch share it.
_SOON_S = 0.5
_FRESH_S = 3600.0
# librdkafka's RD_KAFKA_OFFSET_TAIL(100): from so many records before the end.
_TAIL = -2000 - 100
_NO_LOG = 0
# As with the receiver's consumer: a child of the prefork pool must never collect it.
_alive: set[Any] = set()


class OffloadServer:
    """Asks Kafka for its offload server, and remembers the answer; for one thread.

    Parameters
    ----------
    config : mapping
        The options of the receiver's consumer. Its group is only named, because SCiMMA wants one
        that begins with the username: it is not joined and nothing is committed.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = {
            "logger": logger,
            **config,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "log_level": _NO_LOG,  # the receiver's consumer has the same troubles and tells them
        }
        self._url: str | None = None
        self._away: str | None = None
        self._ask_at = 0.0

    def url(self) -> str | None:
        """Return the server's URL, or None where Kafka names none, or does not answer.

        Blocks for about 10 s at most, and only once a minute as long as there is no answer.
        """
        self._renew(_AGAIN_S)
        return self._url

    def named(self) -> str | None:
        """Return the server's URL, or None where Kafka names none; blocks for 10 s at most.

        Raises
        ------
        KafkaUnavailable
            It does not answer, and no server is known from before.
        """
        self._renew(_SOON_S)
        if self._away is not None and self._url is None:
            raise KafkaUnavailable(self._away)
        return self._url

    def _renew(self, unanswered_s: float) -> None:
        """Ask when it is time to, and not again for so long if there is no answer."""
        if time.monotonic() < self._ask_at:
            return
        away = None
        try:
            self._url = self._ask()
        except KafkaUnavailable as exc:
            away = None if _may_not_ask(exc) else str(exc)
            logger.warning("cannot ask Kafka for its server of large messages: %s", exc)
        # Only now: to another thread None would say that no server is named.
        self._away = away
        unknown_s = _AGAIN_S if away is None else unanswered_s
        self._ask_at = time.monotonic() + (unknown_s if self._url is None else _FRESH_S)

    def _ask(self) -> str | None:
        deadline = time.monotonic() + _LIMIT_S
        with kafka_errors(f"reading {_TOPIC}"):
            consumer = confluent_kafka.Consumer(self._config)
            _alive.add(consumer)
            try:
                return _named_in(_read(consumer, deadline))
            finally:
                consumer.close()
                _alive.discard(consumer)


def _may_not_ask(exc: KafkaUnavailable) -> bool:
    cause = exc.__cause__
    if not isinstance(cause, confluent_kafka.KafkaException):
        return False
    return bool(cause.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED)


def _read(consumer: Any, deadline: float) -> list[Any]:
    """Return the last records of all partitions."""
    topic = consumer.list_topics(_TOPIC, timeout=_left_s(deadline)).topics[_TOPIC]
    if topic.error is not None:
        if topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return []
        raise confluent_kafka.KafkaException(topic.error)
    unread = set(topic.partitions)
    consumer.assign([confluent_kafka.TopicPartition(_TOPIC, n, _TAIL) for n in unread])
    found = []
    while unread:
        message = consumer.poll(_left_s(deadline))
        if message is None:
            continue
        if message.error() is None:
            found.append(message)
        elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            unread.discard(message.partition())
        elif message.topic() is not None:
            raise confluent_kafka.KafkaException(message.error())
        # Else one of the brokers is away; another may answer.
    return found


def _named_in(messages: Iterable[Any]) -> str | None:
    """Return what the last record says that is a JSON object."""
    by_age = sorted(messages, key=lambda message: (message.timestamp()[1], message.offset()))
    for message in reversed(by_age):
        try:
            found = parse((message.value() or b"").decode())
        except (PoisonRecord, UnicodeDecodeError) as exc:
            logger.debug("%s at %d: %s", _TOPIC, message.offset(), exc)
            continue
        if isinstance(found, dict):
            url = found.get(_KEY)
            return url if isinstance(url, str) and url else None
    return None


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise KafkaUnavailable(f"reading {_TOPIC}: no answer within {_LIMIT_S:g} s")
    return left_s
