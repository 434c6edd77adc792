# SPDX-License-Identifier: BSD-3-Clause
"""What a supervisor does when its receiver fails; nothing is connected."""

import logging
from types import SimpleNamespace

import pytest
from celery.worker import state

from igwn_alert_celery.errors import (
    ConfigError,
    CredentialRefused,
    FatalError,
    ForeignLedgerError,
    KafkaUnavailable,
    TaskBrokerUnavailable,
)
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker import supervisor as module
from igwn_alert_celery.worker.supervisor import Supervisor
from tests.services.wait import wait_until


class Bridge:
    """Its receivers fail with what stands in ``failures``, one after the other; then one runs."""

    def __init__(self, failures):
        self.metrics = Metrics()
        self.failures = list(failures)
        self.running = False

    def connect(self, plan, set_state, closing):
        return self

    def run(self):
        if self.failures:
            raise self.failures.pop(0)
        self.running = True
        wait_until(lambda: not self.running, 30, "a stop")

    def stop(self):
        self.running = False


@pytest.fixture
def supervised(monkeypatch):
    """Return a function that starts a supervisor of a bridge; all are stopped in the end."""
    started = []
    monkeypatch.setattr(state, "should_stop", None)
    monkeypatch.setattr(module, "LEAST_BACKOFF_S", 0.01)
    monkeypatch.setattr(module, "connect", lambda plan, *given: plan.bridge.connect(plan, *given))

    def start(bridge, **settings):
        plan = SimpleNamespace(
            bridge=bridge, settings=Settings(noauth=True, **settings), describe=lambda metrics: None
        )
        monkeypatch.setattr(module, "Plan", SimpleNamespace(of=lambda *_: plan))
        started.append(Supervisor(bridge))
        started[-1].start()
        return started[-1]

    yield start
    for supervisor in started:
        # Of one that is stuck the worker does not wait long, but its end comes.
        assert supervisor.stop() or wait_until(lambda one=supervisor: one._finished, 30, "its end")


def test_whatever_it_is_it_is_seen_counted_and_tried_again(supervised, caplog):
    bridge = Bridge([ZeroDivisionError("half"), SystemExit(3), FatalError("no more")])
    supervised(bridge)
    wait_until(lambda: bridge.running, 30, "it runs in the end")
    assert bridge.metrics.counters["failures"] == 3
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [type(record.exc_info[1]) for record in failed] == [
        ZeroDivisionError,
        SystemExit,
        FatalError,
    ]
    assert "it is started again" in failed[0].message
    assert state.should_stop is None


@pytest.mark.parametrize("failure", [ZeroDivisionError("half"), FatalError("no more")])
def test_with_shutdown_it_ends_the_worker_and_is_not_tried_again(supervised, caplog, failure):
    bridge = Bridge([failure])
    supervisor = supervised(bridge, on_failure="shutdown")
    wait_until(lambda: supervisor._finished, 30, "its end")
    assert state.should_stop == 1
    assert bridge.metrics.as_dict()["state"] == "failed"
    critical = [record.message for record in caplog.records if record.levelno == logging.CRITICAL]
    assert critical == [f"igwn-alert: the worker is shut down: the receiver failed: {failure!r}"]
    assert not bridge.running


@pytest.mark.parametrize("on_failure", ["restart", "shutdown"])
def test_a_configuration_that_cannot_work_is_not_tried_again(
    supervised, monkeypatch, on_failure, caplog
):
    bridge = Bridge([])

    def connect(plan, set_state, closing):
        raise ConfigError("no such file")

    monkeypatch.setattr(bridge, "connect", connect)
    supervisor = supervised(bridge, on_failure=on_failure)
    wait_until(lambda: supervisor._finished, 30, "its end")
    assert state.should_stop == (1 if on_failure == "shutdown" else None)
    assert bridge.metrics.as_dict()["state"] == "failed"
    assert "no such file" in caplog.text


@pytest.mark.parametrize(
    "failure",
    [
        KafkaUnavailable("timed out"),
        TaskBrokerUnavailable("refused"),
        CredentialRefused("wrong password"),
        ForeignLedgerError("in use"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_server_that_is_away_or_refuses_is_waited_for_also_with_shutdown(supervised, failure):
    bridge = Bridge([failure] * 2)
    supervised(bridge, on_failure="shutdown")
    wait_until(lambda: bridge.running, 30, "it runs in the end")
    assert state.should_stop is None


def test_a_failure_while_it_is_stopped_does_not_change_the_exit_code(supervised, monkeypatch):
    bridge = Bridge([])

    def run():
        bridge.running = True
        wait_until(lambda: not bridge.running, 30, "a stop")
        raise ZeroDivisionError

    monkeypatch.setattr(bridge, "run", run)
    supervisor = supervised(bridge, on_failure="shutdown")
    wait_until(lambda: bridge.running, 30, "it runs")
    assert supervisor.stop()
    assert state.should_stop is None


@pytest.mark.parametrize("on_failure", ["restart", "shutdown"])
def test_one_that_does_not_poll_is_stuck(supervised, on_failure, monkeypatch):
    bridge = Bridge([])
    supervised(bridge, on_failure=on_failure, stuck_after_s=1.0, task_broker_timeout_s=0.5)
    wait_until(lambda: bridge.metrics.as_dict()["state"] == "stuck", 30, "it is noticed")
    wait_until(lambda: bridge.metrics.counters["stuck"] == 1, 30, "it is counted")
    if on_failure == "shutdown":
        wait_until(lambda: state.should_stop == 1, 30, "the worker is to end")
    assert state.should_stop == (1 if on_failure == "shutdown" else None)

    def polls_and_is_well():
        # Again and again: with this limit it is stuck anew after a second.
        bridge.metrics.note_poll()
        return bridge.metrics.as_dict()["state"] != "stuck"

    wait_until(polls_and_is_well, 30, "it is over")


def test_a_thread_that_has_ended_by_itself_is_no_regular_stop(supervised, monkeypatch):
    monkeypatch.setattr(Supervisor, "_attempt", lambda self: False)
    supervisor = supervised(Bridge([]))
    wait_until(lambda: supervisor._finished, 30, "its end")
    said = supervisor._metrics.as_dict()
    assert (said["state"], said["detail"]) == ("failed", "its thread has ended")
