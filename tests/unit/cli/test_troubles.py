# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.cli import troubles
from igwn_alert_celery.cli.troubles import Troubles
from igwn_alert_celery.errors import KafkaRefused
from igwn_alert_celery.kafka.consumer import Problem
from igwn_alert_celery.settings import Settings

SETTINGS = Settings(group="g")


def away(number=1):
    return Problem("_TRANSPORT", f"connection {number} refused", None, None)


def forbidden(topic):
    return Problem("TOPIC_AUTHORIZATION_FAILED", "authorization failed", topic, 0)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(troubles.time, "monotonic", lambda: now[0])
    return now


def test_an_outage_is_told_once_a_minute(clock, capsys):
    told = Troubles(SETTINGS, ["a"])
    for number in range(100):
        told.note([away(number)])
    assert capsys.readouterr().err == (
        "igwn-alert: Kafka: connection 0 refused; going on by itself\n"
    )
    clock[0] += 61
    told.note([away()])
    assert capsys.readouterr().err.count("\n") == 1


def test_a_topic_that_may_not_be_read_is_told_and_the_others_go_on(clock, capsys):
    told = Troubles(SETTINGS, ["a", "b"])
    told.note([forbidden("g.a"), forbidden("g.a")])
    assert capsys.readouterr().err == (
        "igwn-alert: your credential may not read g.a: ask its owner for permission\n"
    )


def test_when_none_of_the_topics_may_be_read_there_is_nothing_to_listen_to(clock):
    told = Troubles(SETTINGS, ["a", "b"])
    told.note([forbidden("g.a")])
    with pytest.raises(KafkaRefused, match=r"may not read g\.b"):
        told.note([forbidden("g.b")])


def test_a_pattern_may_still_find_another_topic(clock, capsys):
    told = Troubles(SETTINGS, ["*"])
    told.note([forbidden("g.a")])
    assert "your credential may not read g.a" in capsys.readouterr().err
