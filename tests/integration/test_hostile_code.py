# SPDX-License-Identifier: BSD-3-Clause
"""Users' code on the receiver's thread may do anything; the stream goes on."""

import json
import sys

import pytest

from igwn_alert_celery import signals
from tests.integration.receiving import receiving


class Odd(BaseException):
    """As a green time-out: no Exception."""


def leave(*_, **__):
    sys.exit(1)


def raise_odd(*_, **__):
    raise Odd


def send(deployment, *uids):
    for uid in uids:
        deployment.kafka.send(deployment.topic, json.dumps({"uid": uid}), partition=0)
    deployment.kafka.flush()


@pytest.mark.parametrize("hostile", [leave, raise_odd])
def test_a_filter_that_wants_to_end_the_process(deployment, hostile, caplog):
    with receiving(deployment, where=hostile) as it:
        it.running()
        send(deployment, "a", "b")
        it.expect(["a", "b"])
        it.state("running")
    assert "the alert is let through" in caplog.text


@pytest.mark.parametrize("hostile", [leave, raise_odd])
@pytest.mark.parametrize(
    "signal", [signals.alert_received, signals.alert_enqueued, signals.receiver_state_changed]
)
def test_a_signal_receiver_that_wants_to_end_the_process(deployment, hostile, signal, caplog):
    signal.connect(hostile)
    try:
        with receiving(deployment) as it:
            it.running()
            send(deployment, "a", "b")
            it.expect(["a", "b"])
            assert it.status["counters"].get("restarts", 0) == 0
    finally:
        signal.disconnect(hostile)
    assert f"a receiver of the signal {signal.name} raised" in caplog.text
