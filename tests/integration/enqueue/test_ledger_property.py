# SPDX-License-Identifier: BSD-3-Clause
"""No alert is missing and none is twice, whatever happens (see ``histories.py``)."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.enqueue.histories import OWNERS, Histories
from tests.integration.enqueue.owners import LosingClient

HISTORIES = 60


def test_no_history_loses_an_alert_or_enqueues_one_twice(redis_server, client):
    clients = [LosingClient.from_url(redis_server.url, socket_timeout=60.0) for _ in range(OWNERS)]
    run_state_machine_as_test(
        lambda: Histories(client, clients),
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=40,
            phases=[Phase.generate],  # to shrink a history would outlast the test's time limit
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    for one in clients:
        one.close()
    assert Histories.ended >= HISTORIES
