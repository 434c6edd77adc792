# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka's answer to a send means: refused for good, or worth another try."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError

from igwn_alert_celery.errors import SendError, SendFailed, SendRefused

__all__ = [
    "CREDENTIAL",
    "TOO_LARGE",
    "UNKNOWN_TOPIC",
    "is_lasting",
    "is_too_large",
    "send_error",
]

CREDENTIAL = "credential"
TOO_LARGE = "too_large"
UNKNOWN_TOPIC = "unknown_topic"

_REFUSALS: dict[int, tuple[str, str]] = {
    **dict.fromkeys(
        (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC),  # noqa: SLF001 - its public name
        (
            UNKNOWN_TOPIC,
            (
                "there is no topic {topic}, or the credential may not see it: correct the topic's "
                "name or igwn_alert_group, or have it created"
            ),
        ),
    ),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "not_authorized",
        (
            "the credential may not write to {topic}: ask the topic's owner for permission to "
            "write, or use another credential"
        ),
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "not_authorized",
        (
            "the credential may not write to this Kafka with an idempotent producer: ask for "
            "permission to write to {topic}, or for IDEMPOTENT_WRITE where Kafka is older than 2.8"
        ),
    ),
    **dict.fromkeys(
        (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE),
        (TOO_LARGE, "{topic} does not take so large a record"),
    ),
    **dict.fromkeys(
        (KafkaError.TOPIC_EXCEPTION, KafkaError.INVALID_RECORD, KafkaError.POLICY_VIOLATION),
        ("refused", "Kafka refuses the record for {topic}"),
    ),
}


def is_lasting(error: Any) -> bool:
    """Whether a connection fails for a reason that waiting does not mend.

    A TLS handshake that was cut off is none: a broker that restarts does that too.
    """
    if error.code() == KafkaError._SSL:  # noqa: SLF001 - its public name
        return "certificate" in error.str()
    return bool(error.code() == KafkaError._AUTHENTICATION)  # noqa: SLF001


def is_too_large(report: Any) -> bool:
    """Whether a record was refused for its size, or for that of the batch that it was in."""
    return isinstance(report, SendError) and report.code == TOO_LARGE


def send_error(error: Any, topic: str, trouble: str = "") -> SendError:
    """Return our error for librdkafka's.

    Parameters
    ----------
    error : confluent_kafka.KafkaError
        Of a delivery report, or what ``produce`` raised.
    topic : str
        The full topic.
    trouble : str, optional
        What the client said last about its connections.
    """
    found = _REFUSALS.get(error.code())
    if found is not None:
        code, text = found
        return SendRefused(f"{text.format(topic=topic)} ({error.str()})", topic, code)
    why = f"; last error: {trouble}" if trouble else ""
    return SendFailed(f"Kafka did not take the record for {topic}: {error.str()}{why}", topic)
