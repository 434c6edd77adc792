# SPDX-License-Identifier: BSD-3-Clause
import pytest

from igwn_alert_celery.cli import retry
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.retry import Retries
from igwn_alert_celery.errors import KafkaUnavailable

AWAY = KafkaUnavailable("nobody there")


@pytest.fixture
def slept(monkeypatch):
    seconds = []
    monkeypatch.setattr(retry.time, "sleep", seconds.append)
    return seconds


def test_without_r_the_first_failure_is_the_last(slept):
    with pytest.raises(KafkaUnavailable):
        Retries(Flags(listen_retries=5)).failed(AWAY)
    assert slept == []


def test_with_r_it_is_tried_again_so_many_times(slept, capsys):
    retries = Retries(Flags(retry_on_fatal=True, listen_retries=2, retry_wait_s=0.5))
    retries.failed(AWAY)
    retries.failed(AWAY)
    with pytest.raises(KafkaUnavailable):
        retries.failed(AWAY)
    assert slept == [0.5, 0.5]
    assert capsys.readouterr().err.splitlines() == [
        "igwn-alert: nobody there; trying again (1 of 2) in 0.5 s",
        "igwn-alert: nobody there; trying again (2 of 2) in 0.5 s",
    ]


def test_a_success_begins_the_count_anew(slept):
    retries = Retries(Flags(retry_on_fatal=True, listen_retries=1))
    for _ in range(5):
        retries.failed(AWAY)
        retries.succeeded()
    assert len(slept) == 5
