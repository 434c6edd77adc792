# SPDX-License-Identifier: BSD-3-Clause
"""The watchdog's clock is a list of readings: each look at it is one tick."""

import logging

import pytest

from igwn_alert_celery.metrics import Metrics, State
from igwn_alert_celery.worker import watchdog as module
from igwn_alert_celery.worker.watchdog import Watchdog

LIMIT_S = 10.0


@pytest.fixture
def metrics():
    return Metrics(state=State.RUNNING)


@pytest.fixture
def told():
    return []


@pytest.fixture
def watch(monkeypatch, metrics, told):
    """Return a function that lets ticks pass; after each what is given is called."""

    def run(*ticks):
        watchdog = Watchdog(metrics, LIMIT_S, told.append)
        watchdog.watch_me()
        left = iter(ticks)

        class Clock:
            now = 1000.0

            def monotonic(self):
                return self.now

            def sleep(self, seconds):
                tick = next(left, None)
                if tick is None:
                    watchdog.stop()
                    return
                passes_s, call = tick
                self.now += passes_s
                call()

        monkeypatch.setattr(module, "time", Clock())
        watchdog._run()

    return run


def nothing():
    pass


SILENT = (0.5, nothing)


def test_a_thread_that_beats_is_let_alone(watch, metrics, told, caplog):
    watch(*[(0.5, metrics.note_poll)] * 100)
    assert (told, caplog.text, metrics.counters) == ([], "", {})


def test_one_that_does_not_is_said_once_with_its_stack(watch, metrics, told, caplog):
    seen = []
    watch(*[SILENT] * 60, (0.5, lambda: seen.append(metrics.as_dict())))
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "has not polled Kafka for 10 s" in record.message
    assert "test_one_that_does_not_is_said_once_with_its_stack" in record.message
    assert 'igwn_alert_on_failure = "shutdown"' in record.message
    assert len(told) == 1
    assert "the receiver is stuck: no poll of Kafka for more than 10 s (in " in told[0]
    assert metrics.counters["stuck"] == 1
    assert seen[0]["state"] == "stuck"
    assert "\n" not in seen[0]["detail"]


def test_it_is_over_when_it_polls_again(watch, metrics, told, caplog):
    seen = []

    def look():
        seen.append(metrics.as_dict()["state"])

    watch(*[SILENT] * 30, (0.5, look), (0.5, metrics.note_poll), (0.5, look), *[SILENT] * 30)
    assert seen == ["stuck", "running"]
    assert "polls Kafka again" in caplog.text
    assert len(told) == metrics.counters["stuck"] == 2


def test_a_process_that_was_stopped_for_an_hour_is_no_stuck_thread(watch, metrics, told):
    watch(*[SILENT] * 5, (3600.0, nothing), *[SILENT] * 5)
    assert (told, metrics.stuck) == ([], None)


def test_when_it_ends_nothing_is_stuck(watch, metrics):
    watch(*[SILENT] * 60)
    assert metrics.stuck is None
