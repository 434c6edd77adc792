# SPDX-License-Identifier: BSD-3-Clause
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation

from igwn_alert_celery.kafka.topic_ids import TopicIds


def answer(allowed):
    future = Future()
    if isinstance(allowed, int):
        future.set_exception(KafkaException(KafkaError(allowed)))
    else:
        future.set_result(SimpleNamespace(topic_id="x", authorized_operations=allowed))
    return future


@pytest.mark.parametrize(
    ("allowed", "forbidden"),
    [
        ([AclOperation.READ, AclOperation.DESCRIBE], False),
        ([AclOperation.WRITE, AclOperation.DESCRIBE], True),
        ([], True),
        (None, False),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, True),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, False),
        (KafkaError._TIMED_OUT, False),
    ],
    ids=["read", "write", "nothing", "old broker", "hidden", "missing", "no answer"],
)
def test_which_topics_may_not_be_read(allowed, forbidden):
    answers = TopicIds({"a": answer(allowed), "b": answer([AclOperation.READ])})
    assert answers.forbidden() == ({"a"} if forbidden else set())
    assert answers.topics == {"a", "b"}
