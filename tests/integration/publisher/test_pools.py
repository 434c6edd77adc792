# SPDX-License-Identifier: BSD-3-Clause
"""Sends in every pool: acknowledged, on the topic, each once."""

import time
from itertools import chain

import pytest

from tests.services.wait import wait_until

POOLS = ["prefork", "solo", "threads", "gevent", "eventlet"]


def alert(number):
    return {"uid": f"S{number}", "alert_type": "new", "data": {}, "object": {"labels": []}}


@pytest.mark.parametrize("pool", POOLS)
def test_two_thousand_sends_are_acknowledged_and_there(sending, pool):
    worker = sending.worker("-P", pool, "-c", "4")
    publish, publish_many = sending.igwn_alert.publish, sending.igwn_alert.publish_many
    single = [publish("superevent", alert(number)) for number in range(100)]
    many = [
        publish_many([("superevent", alert(number)) for number in range(first, first + 100)])
        for first in range(100, 2000, 100)
    ]
    answers = [*sending.expect(single), *chain.from_iterable(sending.expect(many))]
    assert len({(answer["partition"], answer["offset"]) for answer in answers}) == 2000
    sending.expect_once_each(2000)
    assert worker.stop() == 0


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("pool", POOLS)
def test_kafka_stops_for_fifteen_seconds_in_the_middle(sending, kafka, pool):
    worker = sending.worker("-P", pool, "-c", "4")
    results = [sending.igwn_alert.publish("superevent", alert(n)) for n in range(1000)]
    wait_until(lambda: sending.count() > 300, 120, "the middle")
    kafka.stop()
    results += [sending.igwn_alert.publish("superevent", alert(n)) for n in range(1000, 2000)]
    time.sleep(15)  # the outage itself is what is tested
    kafka.start()
    answers = sending.expect(results, timeout_s=200)
    assert len({(answer["partition"], answer["offset"]) for answer in answers}) == 2000
    sending.expect_once_each(2000)
    assert worker.stop() == 0


def test_sends_go_on_while_children_of_the_pool_come_and_go(sending):
    worker = sending.worker("-P", "prefork", "--autoscale=3,1", "--max-tasks-per-child=10")
    sending.expect([sending.igwn_alert.publish("superevent", alert(n)) for n in range(30)])
    sending.expect_once_each(30)
    assert worker.stop() == 0
