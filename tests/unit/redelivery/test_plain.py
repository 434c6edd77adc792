# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.redelivery.plain import PlainRedelivery


@pytest.mark.parametrize(
    ("headers", "redelivered", "attempts"),
    [
        ({}, False, 1),
        ({}, True, 3),
        (None, True, 3),
        ({"x-delivery-count": 0}, False, 1),
        ({"x-delivery-count": 1}, True, 2),
        ({"x-delivery-count": 2}, True, 3),
    ],
)
def test_attempts_are_what_the_queue_tells(headers, redelivered, attempts):
    settings = SimpleNamespace(max_attempts=3, unknown_task_s=1.0)
    redelivery = PlainRedelivery(SimpleNamespace(settings=settings))
    request = SimpleNamespace(
        message=SimpleNamespace(headers=headers), delivery_info={"redelivered": redelivered}
    )
    assert redelivery.lost(request) == attempts
    assert redelivery.info() == {}
