# SPDX-License-Identifier: BSD-3-Clause
"""When clients are made anew; nothing listens where they look for Kafka."""

import time

import pytest

from igwn_alert_celery.errors import ConfigError
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
