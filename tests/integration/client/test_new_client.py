# SPDX-License-Identifier: BSD-3-Clause
"""A Kafka client that gets no answer for long is left for a new one, and nothing is lost by it.

librdkafka may never find a broker again (librdkafka#5301), which cannot be provoked at will; here a
real outage counts as long after a second.
"""

from __future__ import annotations

import pytest

from igwn_alert_celery.kafka import handles
from tests.integration.receiving import receiving
from tests.services.wait import wait_until

ANEW = "going on with a new client"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(handles, "_SILENT_S", 1.0)


def wait_for_new_clients(caplog, count):
    wait_until(lambda: caplog.text.count(ANEW) >= count, 90, f"{count} new clients")


@pytest.mark.usefixtures("impatient")
def test_listeners_go_on_with_it(listening, send, kafka, group, committed, caplog):
    alone, member = listening().ready(), listening(consumer_group=group).ready()
    before = send(1, 2)
    for listener in (alone, member):
        listener.expect(before)
    committed(2)
    kafka.stop()
    wait_for_new_clients(caplog, 4)
    kafka.start()
    after = send(3, 4)
    for listener in (alone, member):
        listener.expect([*before, *after], 120)


@pytest.mark.usefixtures("impatient")
def test_a_receiver_goes_on_with_it(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        deployment.send(range(8))
        it.expect([f"S{number}" for number in range(8)])
        it.committed(8)
        deployment.kafka.stop()
        it.state("kafka_away")
        wait_for_new_clients(caplog, 2)
        deployment.kafka.start()
        deployment.send(range(8, 16))
        it.expect([f"S{number}" for number in range(16)], 120)
        it.state("running")


def test_a_short_outage_is_left_to_the_client_itself(deployment, caplog):
    with receiving(deployment) as it:
        it.running()
        deployment.kafka.stop()
        it.state("kafka_away")
        deployment.kafka.start()
        deployment.send(range(4))
        it.expect([f"S{number}" for number in range(4)], 120)
    assert ANEW not in caplog.text
