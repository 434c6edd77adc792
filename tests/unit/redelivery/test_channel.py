# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.redelivery.channel import TrackedQoS
from igwn_alert_celery.task import HEADER


class Qos(TrackedQoS):
    """With one message that is delivered, and no connection."""

    def __init__(self, tracker):
        message = SimpleNamespace(headers={HEADER: {}, "id": "id1"})
        self.tracker = tracker
        self._delivered, self._still_running, self._dirty = {"t1": message}, {}, set()
        self._quick_ack = self._dirty.add
        self.running_tags = set


class Tracker:
    """While something is said of a task, the connection is seen to be lost."""

    def __init__(self):
        self.said = []

    def settle(self, tag, task_id, *, stays):
        self.said.append(("settle", tag, task_id))
        self.lose()

    def put_back(self, tag, task_id, *, leftmost):
        self.said.append(("put back", tag, task_id))
        self.lose()

    def lose(self):
        self.qos._flush()
        self.qos.restore_unacked()


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda qos: qos.ack("t1"), ("settle", "t1", "id1")),
        (lambda qos: qos.reject("t1"), ("settle", "t1", "id1")),
        (lambda qos: qos.reject("t1", requeue=True), ("put back", "t1", "id1")),
    ],
)
def test_what_is_just_being_settled_is_not_given_back(end, said):
    tracker = Tracker()
    tracker.qos = Qos(tracker)
    end(tracker.qos)
    assert tracker.said == [said]
