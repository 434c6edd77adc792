# SPDX-License-Identifier: BSD-3-Clause
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation

from igwn_alert_celery.errors import KafkaUnavailable
from igwn_alert_celery.kafka.calls import LOST_S
from igwn_alert_celery.kafka.silence import Silence
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


@pytest.mark.parametrize(
    ("said", "is_answer"),
    [
        ([AclOperation.READ], True),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, True),
        (KafkaError._UNSUPPORTED_FEATURE, True),
        (KafkaError._TIMED_OUT, False),
        (KafkaError._TRANSPORT, False),
    ],
)
def test_whether_kafka_answers_is_noted(said, is_answer):
    for ask in (TopicIds.wait, lambda answers: answers.changes({})):
        silence = Silence()
        silence.asked_in_vain(0.0)
        try:
            ask(TopicIds({"a": answer(said)}, silence))
        except KafkaUnavailable:
            assert not is_answer or said == KafkaError.UNKNOWN_TOPIC_OR_PART
        assert (silence.seconds == 0.0) is is_answer


def test_nothing_asked_is_no_answer():
    silence = Silence()
    silence.asked_in_vain(0.0)
    TopicIds({}, silence).wait()
    assert silence.seconds > 0.0


def test_an_answer_that_never_comes_is_given_up(monkeypatch):
    silence, late = Silence(), Future()
    answers = TopicIds({"a": late}, silence)
    assert not answers.give_up()
    monkeypatch.setattr(answers, "_asked_at", answers._asked_at - LOST_S - 0.1)
    assert answers.give_up()
    assert silence.seconds > LOST_S
    late.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    assert not answers.give_up()
