# SPDX-License-Identifier: BSD-3-Clause
"""When clients are made anew; nothing listens where they look for Kafka."""

import time

import pytest
from confluent_kafka import KafkaError, KafkaException

from igwn_alert_celery.errors import ConfigError, CredentialRefused
from igwn_alert_celery.kafka import handles
from igwn_alert_celery.kafka.handles import Handles

CONFIG = {"bootstrap.servers": "127.0.0.1:1", "group.id": "test", "log_level": 0}


@pytest.fixture
def made():
    found = Handles(CONFIG)
    yield found
    found.close()


def both(made):
    return made.consumer, made._admin


def test_what_was_asked_in_vain_for_long_is_asked_with_new_clients(made, caplog):
    before, now = both(made), time.monotonic()
    made.cluster.silence.asked_in_vain(now - handles._SILENT_S + 5)
    assert not made.renew()
    made.cluster.silence.since = now - handles._SILENT_S
    made.cluster.silence.asked_in_vain(now)
    assert made.renew()
    assert not set(both(made)) & set(before)
    assert "Kafka has not answered for 30 s; going on with a new client" in caplog.text
    assert made.cluster._consumer is made.consumer
    assert not made.renew(), "they are given their time as well"


def test_an_answer_ends_the_silence(made):
    made.cluster.silence.asked_in_vain(time.monotonic() - 100)
    made.cluster.silence.answered()
    assert not made.renew()


def test_only_the_administration_client_is_new_where_it_alone_has_no_answer(made, caplog):
    (consumer, admin), now = both(made), time.monotonic()
    made.cluster.silence.answered()
    made.cluster.admin_silence.asked_in_vain(now - handles._ADMIN_SILENT_S + 1)
    assert not made.renew()
    made.cluster.admin_silence.since = now - handles._ADMIN_SILENT_S
    made.cluster.admin_silence.asked_in_vain(now)
    made.cluster.silence.answered()
    assert not made.renew(), "the consumer, which is in its group, is not new"
    assert made.consumer is consumer
    assert made._admin is not admin
    assert "Kafka answers, but not to all questions" in caplog.text
    assert made.cluster.admin_silence.seconds == 0.0
    newest = made._admin
    made.cluster.admin_silence.asked_in_vain(now - handles._ADMIN_SILENT_S)
    made.cluster.silence.answered()
    made.renew()
    assert made._admin is newest, "it is given the time to find Kafka"


def test_in_an_outage_both_are_left_alone_until_kafka_answers_one(made):
    before, now = both(made), time.monotonic()
    made.cluster.silence.answered_at = now - 21
    for silence in (made.cluster.admin_silence, made.cluster.silence):
        silence.asked_in_vain(now - 20)
    assert not made.renew()
    assert both(made) == before


def test_an_option_that_librdkafka_refuses_is_named():
    with pytest.raises(
        ConfigError, match=r"librdkafka refuses the configuration .*no\.such\.option"
    ):
        Handles({**CONFIG, "no.such.option": 1})


def silent(made):
    made.cluster.silence.since = time.monotonic() - handles._SILENT_S
    made.cluster.silence.asked_in_vain(time.monotonic())


def test_where_no_new_client_can_be_made_the_old_one_is_kept_and_it_is_tried_later(
    made, monkeypatch, caplog
):
    def refuse():
        raise CredentialRefused("no token came")

    before = both(made)
    monkeypatch.setattr(made, "_make", refuse)
    silent(made)
    assert not made.renew()
    assert both(made) == before
    assert "going on with the old one: no token came" in caplog.text
    assert not made.renew(), "not at once again"


@pytest.mark.parametrize(
    "wrong", [SystemError("ended"), KafkaException(KafkaError(KafkaError._AUTHENTICATION, "no"))]
)
def test_a_first_token_that_does_not_come_is_named(monkeypatch, wrong):
    def make(*_):
        raise wrong

    monkeypatch.setattr(handles.confluent_kafka, "Consumer", make)
    with pytest.raises(CredentialRefused, match="no token came within 10 s"):
        Handles({**CONFIG, "oauth_cb": print})


def test_without_tokens_whatever_else_it_is_goes_on(monkeypatch):
    def make(*_):
        raise SystemError("something else")

    monkeypatch.setattr(handles.confluent_kafka, "Consumer", make)
    with pytest.raises(SystemError, match="something else"):
        Handles(CONFIG)


def test_an_error_that_is_no_exception_is_caught(monkeypatch):
    # confluent_kafka lets one out of an error_cb, where Python leaves checks out.
    monkeypatch.setattr(handles.sys, "exc_info", lambda: (KafkaError, KafkaError(1, "odd"), None))

    def make(*_):
        raise ValueError

    monkeypatch.setattr(handles.confluent_kafka, "Consumer", make)
    with pytest.raises(ConfigError, match="odd"):
        Handles(CONFIG)
