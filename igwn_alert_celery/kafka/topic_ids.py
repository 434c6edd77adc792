# SPDX-License-Identifier: BSD-3-Clause
"""Kafka's answer to which id topics have: a topic that was created again has another one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError
from confluent_kafka.admin import AclOperation

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import CALL_S, LOST_S, answer_of
from igwn_alert_celery.kafka.silence import Silence

__all__ = ["TopicIds", "may_read"]

# Brokers before 2.8 have no ids; a credential may be kept from asking.
_NO_ID = {
    KafkaError._UNSUPPORTED_FEATURE,  # noqa: SLF001 - its public name
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_FORBIDDEN = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
_ZERO_ID = "AAAAAAAAAAAAAAAAAAAAAA"


class TopicIds:
    """An answer that is on its way.

    Parameters
    ----------
    futures : mapping of str to concurrent.futures.Future
        As ``AdminClient.describe_topics`` returns them, authorized operations included.
    silence : Silence, optional
        Is told whether Kafka has answered, once somebody looks.
    """

    def __init__(self, futures: Mapping[str, Any], silence: Silence | None = None) -> None:
        self._futures = futures
        self._silence = silence
        self._asked_at = time.monotonic()

    @property
    def topics(self) -> frozenset[str]:
        """What was asked about."""
        return frozenset(self._futures)

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return all(future.done() for future in self._futures.values())

    def give_up(self) -> bool:
        """Whether the answer is so late that it will not come; that is noted as a silence."""
        is_lost = not self.done and time.monotonic() > self._asked_at + LOST_S
        if is_lost:
            self._note()
        return is_lost

    def wait(self) -> dict[str, str]:
        """Return the id of each topic, without those that Kafka has none for; blocks.

        Raises
        ------
        KafkaUnavailable
            No answer within a few seconds. A position is kept under the id, so a guess would be
            read as another topic.
        """
        try:
            found = {topic: _topic_id(topic, future) for topic, future in self._futures.items()}
        finally:
            self._note()
        return {topic: topic_id for topic, topic_id in found.items() if topic_id}

    def changes(self, known: Mapping[str, str]) -> dict[str, str]:
        """Return the topics that have another id than is known, or exist no more (no id).

        For an answer that is done. Says nothing of a topic that Kafka could not tell about.
        """
        found = {topic: _answer(future) for topic, future in self._futures.items()}
        self._note()
        return {
            topic: topic_id
            for topic, topic_id in found.items()
            if topic_id is not None and topic_id != known.get(topic)
        }

    def forbidden(self) -> set[str]:
        """Return the topics that we may not read; blocks until the answer is there.

        A fetch tells this as well, but librdkafka says it once, and not at all when the partition
        is paused or moved at that moment. Leaves out what Kafka could not tell about.
        """
        return {topic for topic, future in self._futures.items() if is_forbidden(future)}

    def _note(self) -> None:
        if self._silence is None or not self._futures:
            return
        if any(map(_is_answered, self._futures.values())):
            self._silence.answered()
        else:
            self._silence.asked_in_vain(self._asked_at)


def _is_answered(future: Any) -> bool:
    if not future.done():
        return False
    error = future.exception(0)
    # librdkafka's own errors, such as a time that is over, are below 0.
    if not isinstance(error, confluent_kafka.KafkaException):
        return True
    code = error.args[0].code()
    return code >= 0 or code in _NO_ID


def may_read(described: Any) -> bool:
    """Whether we may read a topic or use a group; True for brokers that do not tell."""
    allowed = described.authorized_operations
    return allowed is None or AclOperation.READ in allowed


def is_forbidden(future: Any) -> bool:
    """Whether Kafka's description of a topic or group says so; blocks until it is there."""
    try:
        return not may_read(answer_of(future))
    except TimeoutError:
        return False
    except confluent_kafka.KafkaException as exc:
        return exc.args[0].code() in _FORBIDDEN


def _topic_id(topic: str, future: Any) -> str:
    try:
        topic_id = str(answer_of(future).topic_id)
    except TimeoutError:
        raise KafkaUnavailable(f"describing {topic}: no answer within {CALL_S:g} s") from None
    except confluent_kafka.KafkaException as exc:
        if exc.args[0].code() in _NO_ID:
            return ""
        raise KafkaUnavailable(f"describing {topic}: {exc.args[0].str()}") from exc
    return "" if topic_id == _ZERO_ID else topic_id


def _answer(future: Any) -> str | None:
    try:
        return str(answer_of(future).topic_id)
    except confluent_kafka.KafkaException as exc:
        return "" if exc.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART else None
