# SPDX-License-Identifier: BSD-3-Clause
"""When a connection is used again; real servers are in integration."""

import threading
from types import SimpleNamespace

import pytest
from celery import Celery

from igwn_alert_celery.enqueue import kept
from igwn_alert_celery.enqueue.kept import KeptConnections
from igwn_alert_celery.errors import TaskBrokerUnavailable


@pytest.fixture
def app():
    with Celery(broker="memory://", set_as_current=False) as app:
        yield app


@pytest.fixture
def lend(app):
    """Lend a producer, and return the connection it had."""
    connections = KeptConnections()

    def lend(error=None, timeout_s=1.0):
        with connections.producer(app, timeout_s) as producer:
            if error is not None:
                raise error
            return producer.connection

    lend.connections, lend.app = connections, app
    return lend


def test_a_connection_is_used_again(lend):
    assert lend() is lend()


def test_what_failed_is_not_used_again(lend):
    first = lend()
    with pytest.raises(ValueError, match="a serializer"):
        lend(ValueError("a serializer"))
    assert lend() is not first


def test_when_the_task_broker_is_away_all_idle_ones_go(lend):
    first = lend()
    with lend.connections.producer(lend.app, 1.0), pytest.raises(TaskBrokerUnavailable):
        # The one that is lent is the first; this is another.
        lend(OSError("cut off"))
    assert lend() is first
    with lend.connections.producer(lend.app, 1.0):
        lend()
    with pytest.raises(TaskBrokerUnavailable, match="cut off"):
        lend(OSError("cut off"))
    assert lend() is not first


def test_one_that_was_idle_for_long_is_not_used_again(lend, monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(kept, "time", SimpleNamespace(monotonic=lambda: clock.now))
    first = lend()
    clock.now += 50
    assert lend() is first
    clock.now += 61
    assert lend() is not first


def test_another_process_has_its_own(lend, monkeypatch):
    first = lend()
    monkeypatch.setattr(kept, "os", SimpleNamespace(getpid=lambda: 1))
    assert lend() is not first


def test_two_at_a_time_have_two(lend):
    with lend.connections.producer(lend.app, 1.0) as producer:
        assert lend() is not producer.connection


def test_whoever_finds_all_in_use_waits_and_is_told(lend, monkeypatch):
    monkeypatch.setattr(kept, "_MOST", 1)
    with (
        lend.connections.producer(lend.app, 1.0),
        pytest.raises(TaskBrokerUnavailable, match="all 1 connections"),
    ):
        lend(timeout_s=0.01)
    found = []
    with lend.connections.producer(lend.app, 1.0) as producer:
        waiting = threading.Thread(target=lambda: found.append(lend(timeout_s=10.0)))
        waiting.start()
    waiting.join()
    assert found == [producer.connection]
