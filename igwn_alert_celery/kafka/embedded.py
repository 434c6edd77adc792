# SPDX-License-Identifier: BSD-3-Clause
"""Kafka inside this process, for a first try: librdkafka's own mock cluster. It keeps nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import confluent_kafka
from hop.io import Producer
from hop.models import JSONBlob

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import CALL_S, kafka_errors

__all__ = ["EmbeddedKafka", "Sender"]

# Errors of a cluster that ends with this process are no news.
_QUIET = {"log_level": 0, "error_cb": lambda _error: None}


class EmbeddedKafka:
    """A Kafka cluster of one broker on a free port of the loopback address.

    It lives as long as the object. Any Kafka client on this machine can use it.

    Parameters
    ----------
    topics : iterable of str
        Full names of the topics to create, with four partitions each.

    Attributes
    ----------
    address : str
        ``host:port``.

    Raises
    ------
    KafkaUnavailable
        It did not start within five seconds.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        # https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
        config = {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, **_QUIET}
        with kafka_errors("starting the embedded Kafka"):
            self._cluster: Any = confluent_kafka.Producer(config)
            (broker,) = self._cluster.list_topics(timeout=CALL_S).brokers.values()
            for topic in topics:
                # The mock cluster creates what it is asked for.
                self._cluster.list_topics(topic, timeout=CALL_S)
        self.address = f"{broker.host}:{broker.port}"

    def close(self) -> None:
        """End the cluster; what it held is gone."""
        self._cluster = None


class Sender:
    """Sends alerts as GraceDB does, over one connection.

    Parameters
    ----------
    address : str
        ``host:port`` of a Kafka that asks for no credential.

    Raises
    ------
    KafkaUnavailable
        It does not answer within five seconds.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        config = {
            "bootstrap.servers": address,
            "message.timeout.ms": int(CALL_S * 1000),
            "linger.ms": 0,
            **_QUIET,
        }
        with kafka_errors(f"no Kafka at {address}"):
            self._producer: Any = confluent_kafka.Producer(config)
            # Connects, so that the first alert waits for nothing.
            self._producer.list_topics(timeout=CALL_S)

    def send(self, topic: str, alert: Mapping[str, Any]) -> str:
        """Send one alert, wait until Kafka has it, and return hop's id of it (a UUID).

        GraceDB hands igwn-alert the alert as JSON text, which packs that as JSON once more.

        Parameters
        ----------
        topic : str
            Full name, with the group.
        alert : mapping
            The alert.

        Raises
        ------
        KafkaUnavailable
            Kafka did not accept it within five seconds.
        """
        value, headers = Producer.pack(JSONBlob(json.dumps(alert)))
        answers: list[Any] = []
        with kafka_errors(f"sending to {topic}"):
            self._producer.produce(
                topic, value, headers=headers, on_delivery=lambda error, _: answers.append(error)
            )
            self._producer.flush(CALL_S + 1)
        if answers != [None]:
            reason = answers[0] if answers else "no answer"
            raise KafkaUnavailable(f"{self._address} did not take the alert: {reason}")
        return str(uuid.UUID(bytes=dict(headers)["_id"]))
