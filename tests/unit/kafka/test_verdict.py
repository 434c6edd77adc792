# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import copy
import pickle

import pytest
from confluent_kafka import KafkaError

from igwn_alert_celery.errors import RetryableError, SendError, SendFailed, SendRefused
from igwn_alert_celery.kafka.verdict import is_lasting, send_error

TOPIC = "gracedb.superevent"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, "unknown_topic", f"no topic {TOPIC}"),
        (KafkaError._UNKNOWN_TOPIC, "unknown_topic", "igwn_alert_group"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "not_authorized", f"write to {TOPIC}: ask"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "not_authorized", "IDEMPOTENT_WRITE"),
        (KafkaError.MSG_SIZE_TOO_LARGE, "too_large", "so large a record"),
        (KafkaError.RECORD_LIST_TOO_LARGE, "too_large", "so large a record"),
        (KafkaError.INVALID_RECORD, "refused", "Kafka refuses the record"),
        (KafkaError.POLICY_VIOLATION, "refused", "Kafka refuses the record"),
    ],
)
def test_what_is_refused_for_good(error, code, said):
    found = send_error(KafkaError(error), TOPIC)
    assert type(found) is SendRefused
    assert (found.code, found.topic) == (code, TOPIC)
    assert said in str(found)


@pytest.mark.parametrize(
    "error",
    [
        KafkaError._MSG_TIMED_OUT,
        KafkaError._PURGE_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError._FATAL,
    ],
)
def test_what_is_worth_another_try(error):
    found = send_error(KafkaError(error), TOPIC, "connection refused")
    assert type(found) is SendFailed
    assert found.is_final is True
    assert str(found).endswith("; last error: connection refused")
    assert "last error" not in str(send_error(KafkaError(error), TOPIC))


@pytest.mark.parametrize(
    ("code", "text", "lasting"),
    [
        (KafkaError._AUTHENTICATION, "SASL authentication error", True),
        (KafkaError._SSL, "certificate verify failed", True),
        (KafkaError._SSL, "SSL handshake failed: Disconnected", False),
        (KafkaError._TRANSPORT, "Connection refused", False),
        (KafkaError._RESOLVE, "Failed to resolve", False),
    ],
)
def test_what_waiting_does_not_mend(code, text, lasting):
    assert is_lasting(KafkaError(code, text)) is lasting


@pytest.mark.parametrize(
    "error",
    [SendRefused("no", TOPIC, "too_large"), SendFailed("no", TOPIC, "late", is_final=False)],
)
def test_the_errors_can_be_copied_stored_and_caught(error):
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error)), type(error)(*error.args)):
        assert (str(other), vars(other)) == ("no", vars(error))
    assert isinstance(error, SendError)
    assert isinstance(error, RetryableError) == isinstance(error, SendFailed)
