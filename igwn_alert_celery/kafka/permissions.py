# SPDX-License-Identifier: BSD-3-Clause
"""What may our credential do? Questions to Kafka that join nothing and change nothing."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import ConfigError, KafkaUnavailable
from igwn_alert_celery.kafka.admin import make_admin
from igwn_alert_celery.kafka.calls import CALL_S, answer_of, kafka_errors
from igwn_alert_celery.kafka.client import admin_config
from igwn_alert_celery.kafka.refusals import Refusals
from igwn_alert_celery.kafka.topic_ids import may_read

__all__ = ["Access", "Permissions", "Welcome"]

# A refusal is only heard between two tries.
_TRY_S = 0.5
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}  # noqa: SLF001 - its name
_FORBIDDEN = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
_NO_GROUP = KafkaError.GROUP_ID_NOT_FOUND
# For a moment after Kafka has started, or its first group was made.
_NOT_YET = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
_PAUSE_S = 0.1


class _NotYet(Exception):
    """Nobody can tell about consumer groups just now."""


class Access(Enum):
    """What Kafka says of a topic or consumer group."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What Kafka shows to who has logged in: its brokers and the topics that we may see.

    ``brokers`` are host and port, as Kafka wants clients to find each.
    """

    brokers: tuple[tuple[str, int], ...]
    topics: frozenset[str]


class Permissions:
    """Asks Kafka; each question blocks for a few seconds at most.

    Parameters
    ----------
    config : mapping
        From :func:`~igwn_alert_celery.kafka.client.client_config`.

    Raises
    ------
    ConfigError
        librdkafka refuses an option.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._refusals = Refusals(config)
        watched = {**admin_config(config), "error_cb": self._refusals}
        try:
            self._admin = make_admin(watched)
        except confluent_kafka.KafkaException as exc:
            raise ConfigError(
                f"librdkafka refuses the configuration ({exc.args[0].str()}): correct "
                "igwn_alert_kafka_options"
            ) from None

    def log_in(self) -> Welcome:
        """Connect and look at the topics.

        Raises
        ------
        KafkaRefused
            Not with this credential, or not over this connection.
        KafkaUnavailable
            No answer.
        """
        deadline = time.monotonic() + CALL_S
        self._admin.poll(0)  # a token is only fetched within poll
        while True:
            try:
                with kafka_errors("listing the topics"):
                    metadata = self._admin.list_topics(timeout=_TRY_S)
                break
            except KafkaUnavailable as exc:
                self._admin.poll(0)
                self._refusals.check()
                if time.monotonic() > deadline:
                    raise KafkaUnavailable(f"{exc} ({self._refusals.last})") from exc
        known = (name for name, topic in metadata.topics.items() if topic.error is None)
        brokers = sorted((str(broker.host), broker.port) for broker in metadata.brokers.values())
        return Welcome(tuple(brokers), frozenset(known))

    def reading(self, topics: Collection[str]) -> dict[str, Access]:
        """Return whether we may read each of the topics, by full name.

        Raises
        ------
        KafkaUnavailable
            No answer.
        """
        if not topics:
            return {}
        names = confluent_kafka.TopicCollection(sorted(topics))
        with kafka_errors("describing the topics"):
            futures = self._admin.describe_topics(
                names, include_authorized_operations=True, request_timeout=CALL_S
            )
        return {topic: _access(f"describing {topic}", futures[topic]) for topic in sorted(topics)}

    def joining(self, consumer_group: str) -> Access:
        """Return whether we may be a member of the consumer group; it need not exist.

        Raises
        ------
        KafkaUnavailable
            No answer.
        """
        deadline = time.monotonic() + CALL_S
        while True:
            try:
                return self._joining(consumer_group)
            except _NotYet as exc:
                if time.monotonic() > deadline:
                    raise KafkaUnavailable(str(exc)) from None
                time.sleep(_PAUSE_S)

    def _joining(self, consumer_group: str) -> Access:
        doing = f"describing the consumer group {consumer_group}"
        with kafka_errors(doing):
            futures = self._admin.describe_consumer_groups(
                [consumer_group], include_authorized_operations=True, request_timeout=CALL_S
            )
        return _access(doing, futures[consumer_group])


def _access(doing: str, future: Any) -> Access:
    try:
        allowed = may_read(answer_of(future))
    except TimeoutError:
        raise KafkaUnavailable(f"{doing}: no answer within {CALL_S:g} s") from None
    except confluent_kafka.KafkaException as exc:
        code = exc.args[0].code()
        if code in _FORBIDDEN:
            return Access.FORBIDDEN
        if code in _NO_TOPIC:
            return Access.MISSING
        if code == _NO_GROUP:
            return Access.ALLOWED
        if code in _NOT_YET:
            raise _NotYet(f"{doing}: {exc.args[0].str()}") from None
        raise KafkaUnavailable(f"{doing}: {exc.args[0].str()}") from exc
    return Access.ALLOWED if allowed else Access.FORBIDDEN
