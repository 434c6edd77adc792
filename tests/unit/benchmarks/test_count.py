# SPDX-License-Identifier: BSD-3-Clause
"""What arrived, held against what had to."""

import json
from base64 import b64encode

from benchmarks.alerts import Alerts
from benchmarks.count import count
from benchmarks.queues import Arrival, arrival


def arrivals(*numbers, task="handle", prefix=""):
    return [Arrival(f"{prefix}{task}-{number}", task, number) for number in numbers]


def counted(found, expected, handlers=1):
    return count(found, expected, handlers, lambda number: number % 2)


def test_all_in_order_is_right():
    assert counted(arrivals(0, 1, 2, 3), range(4)) == ()


def test_order_is_kept_within_a_partition_only():
    assert counted(arrivals(1, 3, 0, 2), range(4)) == ()
    assert counted(arrivals(0, 3, 1, 2), range(4)) == ("1 out of order",)


def test_order_is_kept_for_each_task():
    both = arrivals(0, 2, task="a") + arrivals(0, 2, task="b")
    assert counted(both, (0, 2), handlers=2) == ()


def test_what_is_missing_is_counted_for_each_handler():
    assert counted(arrivals(0, 1), range(4)) == ("2 missing",)
    assert counted(arrivals(0, 1, task="a"), range(2), handlers=2) == ("2 missing",)


def test_what_came_twice_is_counted():
    twice = arrivals(0) + arrivals(0, prefix="again-")
    assert counted(twice, [0]) == ("1 twice",)


def test_two_tasks_with_one_id_are_seen():
    found = [Arrival("x", "a", 0), Arrival("x", "b", 0)]
    assert counted(found, [0], handlers=2) == ("1 with the id of another",)


def test_alerts_for_warming_up_do_not_count():
    assert counted(arrivals(9_000_009, 0, 9_000_009), [0]) == ()


def test_a_message_is_read_whatever_the_form_of_its_alert():
    alerts = Alerts(1_000)
    for value in (alerts.wire(17), alerts.text(17).encode()):
        body = b64encode(b"[[" + value + b"], {}, {}]").decode()
        item = json.dumps(
            {
                "body": body,
                "properties": {"body_encoding": "base64"},
                "headers": {"id": "x", "task": "t"},
            }
        ).encode()
        assert arrival(item) == Arrival("x", "t", 17)
