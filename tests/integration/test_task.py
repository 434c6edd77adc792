# SPDX-License-Identifier: BSD-3-Clause
"""What a handler is given and when it does not run, in a Celery worker on the memory transport."""

import time

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from igwn_alert_celery import IGWNAlert, signals
from igwn_alert_celery.enqueue.local import LocalState
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.task import HEADER
from tests.services.wait import wait_until

HEADERS = {
    "topic": "superevent",
    "partition": 3,
    "offset": 7,
    "timestamp_ms": 0,
    "key": "k",
    "id": None,
    "sender": "somebody",
}


class Working:
    """An app with its worker, and what its handlers have seen."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = []
        self.app = Celery("followup", broker="memory://", set_as_current=False)
        self.app.conf.update(
            worker_hijack_root_logger=False, broker_transport_options={"polling_interval": 0.05}
        )
        self.bridge = IGWNAlert(
            self.app, group="gracedb", noauth=True, state_dir=str(folder), enabled=False
        )

        @self.bridge.handler("superevent", name="m.handler")
        def handler(alert):
            self.seen.append((alert.uid, alert.record))

        @self.bridge.handler("superevent", name="m.retried", bind=True, max_retries=3)
        def retried(task, alert):
            self.seen.append((alert.uid, task.request.retries, alert.record))
            if task.request.retries < 2:
                raise task.retry(countdown=0)

    def run(self, name, content, **header):
        """Publish one alert for one handler."""
        task = self.app.tasks[name]
        call = TaskCall(task, "an-id", {**HEADERS, **header}, content, b"", kombu_safe=True)
        with self.app.producer_or_acquire() as producer:
            apply(call, HEADER, producer)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    working = Working(tmp_path_factory.mktemp("state"))
    # To stop one takes seconds, so all tests share it.
    with start_worker(working.app, perform_ping_check=False, shutdown_timeout=90):
        yield working


@pytest.fixture
def working(started):
    started.seen.clear()
    return started


def now_ms(age_s=0):
    return int((time.time() - age_s) * 1000)


def test_a_retried_handler_still_knows_its_record(working):
    working.run("m.retried", {"uid": "S1"})
    wait_until(lambda: len(working.seen) == 3, 60, "the third attempt")
    assert [(uid, retries) for uid, retries, _ in working.seen] == [("S1", 0), ("S1", 1), ("S1", 2)]
    assert {(r.topic, r.partition, r.offset, r.key, r.sender) for _, _, r in working.seen} == {
        ("superevent", 3, 7, "k", "somebody")
    }


@pytest.mark.parametrize("limit", [60, None])
def test_an_alert_in_time_runs(working, limit):
    working.run("m.handler", {"uid": "S1"}, timestamp_ms=now_ms(10), max_age_s=limit)
    wait_until(lambda: working.seen, 60, "the handler")
    assert [uid for uid, _ in working.seen] == ["S1"]


def test_an_alert_that_waited_too_long_becomes_a_dead_letter(working):
    announced = []

    def announce(dead_letter, **_):
        announced.append(dead_letter)

    signals.alert_dead_lettered.connect(announce, sender=working.bridge)
    working.run("m.handler", {"uid": "S1"}, timestamp_ms=now_ms(100), max_age_s=60)
    wait_until(lambda: announced, 60, "the dead letter")
    (letter,) = LocalState(working.folder / "followup.sqlite").dead_letters.list()
    assert letter == announced[0]
    assert (letter.reason, letter.handler) == ("expired", "m.handler")
    assert (letter.topic, letter.partition, letter.offset) == ("gracedb.superevent", 3, 7)
    assert (letter.key, letter.value) == (b"k", b'{"uid": "S1"}')
    assert working.seen == []


def test_a_late_alert_that_cannot_be_kept_goes_back_to_its_queue(working, monkeypatch):
    kept = []

    def keep(name, alert):
        kept.append((name, time.monotonic()))
        if len(kept) == 1:
            raise TaskBrokerUnavailable("away")

    monkeypatch.setattr(working.bridge, "keep_expired", keep)
    working.run("m.handler", {"uid": "S1"}, timestamp_ms=now_ms(100), max_age_s=60)
    wait_until(lambda: len(kept) == 2, 60, "the second try")
    assert [name for name, _ in kept] == ["m.handler"] * 2
    # Not at once: until it can be kept, other tasks want the worker too.
    assert kept[1][1] - kept[0][1] >= 1.0
    assert working.seen == []


def test_the_receiver_hands_the_limit_to_the_task():
    app = Celery("followup", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = True
    bridge = IGWNAlert(app, group="gracedb", noauth=True)
    seen = []

    @bridge.handler("superevent", max_age_s=60, bind=True)
    def handler(self, alert):
        headers = self.request.headers or {}
        seen.append((headers.get(HEADER) or getattr(self.request, HEADER))["max_age_s"])

    bridge.deliver("superevent", {"uid": "S1"})
    assert seen == [60]


def test_a_plain_call_has_no_age():
    app = Celery("followup", broker="memory://", set_as_current=False)

    @IGWNAlert(app, group="gracedb", noauth=True).handler("superevent", max_age_s=60)
    def handler(alert):
        return alert.uid, alert.record

    assert handler({"uid": "S1"}) == ("S1", None)
