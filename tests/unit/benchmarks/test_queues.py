# SPDX-License-Identifier: BSD-3-Clause
"""A list of Redis, read as the tasks that wait in it."""

import json
from base64 import b64encode

import pytest

from benchmarks.alerts import Alerts
from benchmarks.queues import RedisQueue

ALERTS = Alerts(1_000)


class List:
    """A list as kombu fills it, from the left."""

    def __init__(self, count):
        self._items = [item(number) for number in range(count)][::-1]

    def llen(self, name):
        return len(self._items)

    def lrange(self, name, start, end):
        return self._items[start : end + 1]


def item(number):
    body = b64encode(b"[[" + ALERTS.wire(number) + b"], {}, {}]").decode()
    return json.dumps(
        {
            "body": body,
            "properties": {"body_encoding": "base64"},
            "headers": {"id": str(number), "task": "t"},
        }
    ).encode()


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
def test_the_oldest_comes_first_and_each_once(count):
    queue = RedisQueue(List(count), "queue")
    assert queue.length() == count
    assert [arrival.number for arrival in queue.arrivals()] == list(range(count))
