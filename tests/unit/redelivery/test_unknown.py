# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.redelivery import unknown


class Message:
    def __init__(self, task_id="1"):
        self.headers = {"task": "newer", "id": task_id, "igwn_alert": {}}
        self.ended = []

    def reject_log_error(self, logger, errors, requeue=False):
        self.ended.append("put back" if requeue else "dropped")


class Consumer:
    connection_errors = (OSError,)

    def __init__(self):
        self.prefetch = 0
        self.later = []
        self.timer = SimpleNamespace(call_after=self.call_after)
        self.qos = SimpleNamespace(
            increment_eventually=lambda: self.add(1), decrement_eventually=lambda: self.add(-1)
        )

    def add(self, number):
        self.prefetch += number

    def call_after(self, delay_s, function, args):
        assert delay_s == unknown.PAUSE_S
        self.later.append((function, args))

    def call_soon(self, function):
        function()

    def wait(self):
        for function, args in self.later:
            function(*args)
        self.later.clear()


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(unknown.time, "monotonic", lambda: now.s)
    return now


def test_it_is_held_without_filling_the_prefetch_window_and_put_back(clock):
    kept, consumer, message = [], Consumer(), Message()
    unknown.Unknown(lambda *args: kept.append(args), 60).take(consumer, message)
    assert (consumer.prefetch, message.ended) == (1, [])
    consumer.wait()
    assert (consumer.prefetch, message.ended, kept) == (0, ["put back"], [])


def test_it_becomes_a_dead_letter_after_the_limit(clock):
    kept, consumer, message = [], Consumer(), Message()
    tasks = unknown.Unknown(lambda *args: kept.append(args), 60)
    tasks.take(consumer, message)
    clock.s += 61
    tasks.take(consumer, Message("2"))
    again = Message()
    tasks.take(consumer, again)
    assert again.ended == ["dropped"]
    ((kept_message, reason, error),) = kept
    assert (kept_message, reason) == (again, "unknown_task")
    assert "newer" in error
    assert "60 s" in error


def test_what_cannot_be_kept_is_put_back(clock):
    def fail(*_):
        raise TaskBrokerUnavailable("away")

    consumer, tasks = Consumer(), unknown.Unknown(fail, 60)
    tasks.take(consumer, Message())
    clock.s += 61
    again = Message()
    tasks.take(consumer, again)
    assert again.ended == []
    consumer.wait()
    assert again.ended == ["put back"]


def test_a_name_is_told_once(clock, caplog):
    consumer, tasks = Consumer(), unknown.Unknown(lambda *_: None, 60)
    for number in range(5):
        tasks.take(consumer, Message(str(number)))
    assert caplog.text.count("is not known here") == 1


def test_it_remembers_a_bounded_number(clock, monkeypatch):
    monkeypatch.setattr(unknown, "_MOST", 3)
    kept, consumer = [], Consumer()
    tasks = unknown.Unknown(lambda *args: kept.append(args), 60)
    for number in range(5):
        tasks.take(consumer, Message(str(number)))
    clock.s += 61
    tasks.take(consumer, Message("0"))
    assert not kept
    tasks.take(consumer, Message("4"))
    assert len(kept) == 1
