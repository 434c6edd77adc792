# SPDX-License-Identifier: BSD-3-Clause
from types import SimpleNamespace

import pytest

from igwn_alert_celery.redelivery.consumer import connect_anew, consuming


class Redelivery:
    def __init__(self):
        self.calls = []
        self.lost_errors = (ValueError,)
        self.unknown = SimpleNamespace(take=lambda *args: self.calls.append(("unknown", args[1])))

    def __getattr__(self, name):
        return lambda *args: self.calls.append(name)


class Connection:
    def __init__(self):
        self.asked = []

    def ensure_connection(self, errback=None, max_retries=None, **options):
        self.asked.append((errback, max_retries, options))
        return self


class Base:
    """Stands for Celery's consumer, as far as ours calls it."""

    fails_to_close = None
    connection_errors = (OSError,)

    def __init__(self, retries=100):
        conf = SimpleNamespace(broker_connection_max_retries=retries)
        self.app = SimpleNamespace(conf=conf)
        self.connection = object()
        self.pool = None
        self.calls = []

    def connect(self):
        self.calls.append("connect")
        return "connection"

    def ensure_connected(self, conn):
        return conn.ensure_connection("errback", 100, callback="callback")

    def on_connection_error_after_connected(self, exc):
        if self.fails_to_close is not None:
            raise self.fails_to_close
        self.connection = None

    def on_close(self):
        self.calls.append("close")
        self.pool._pool._cache.clear()

    def on_unknown_task(self, body, message, exc):
        self.calls.append(("unknown", message))

    def shutdown(self):
        self.calls.append("shutdown")


@pytest.fixture
def redelivery():
    return Redelivery()


def test_what_redis_answers_is_no_reason_to_end_the_worker(redelivery):
    assert consuming(Base, redelivery)().connection_errors == (OSError, ValueError)


def test_it_connects_anew_when_it_is_told_to(redelivery):
    consumer = consuming(Base, redelivery)()
    consumer.hub = SimpleNamespace(call_soon=redelivery.calls.append)
    connect_anew(consumer)
    (fail,) = redelivery.calls
    with pytest.raises(ConnectionError, match="did not ask"):
        fail()
    consumer.hub, consumer.connection = None, SimpleNamespace()
    connect_anew(consumer)
    with pytest.raises(ConnectionError):
        consumer.connection.drain_events(timeout=2.0)
    connect_anew(None)


def test_it_tells_when_it_is_connected_and_when_it_has_shut_down(redelivery):
    consumer = consuming(Base, redelivery)()
    assert consumer.connect() == "connection"
    consumer.shutdown()
    assert redelivery.calls == ["connected", "leave"]
    assert consumer.calls == ["connect", "shutdown"]


@pytest.mark.parametrize("retries", [100, 0, None])
def test_it_tries_to_reconnect_every_second_at_most_and_for_ever(redelivery, retries):
    connection = Connection()
    consumer = consuming(Base, redelivery)(retries)
    assert consumer.ensure_connected(connection) is connection
    ((errback, most, options),) = connection.asked
    assert (errback, most, options.pop("callback")) == ("errback", None, "callback")
    assert options == {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 1.0}


def test_somebody_who_counts_retries_keeps_celerys_pauses(redelivery):
    connection = Connection()
    consuming(Base, redelivery)(5).ensure_connected(connection)
    assert connection.asked == [("errback", 100, {"callback": "callback"})]


def test_a_lost_connection_that_cannot_be_closed_is_given_up(redelivery, caplog):
    consumer = consuming(Base, redelivery)()
    consumer.fails_to_close = AttributeError("'NoneType' object has no attribute 'hostname'")
    consumer.on_connection_error_after_connected(OSError())
    assert consumer.connection is None
    assert redelivery.calls == ["disconnected", "let_go"]
    assert "hostname" in caplog.text


def test_it_keeps_what_a_process_has_when_it_closes(redelivery):
    job = SimpleNamespace(_write_to=SimpleNamespace(_is_alive=lambda: True), ready=lambda: False)
    consumer = consuming(Base, redelivery)()
    consumer.pool = SimpleNamespace(_pool=SimpleNamespace(_cache={1: job}))
    consumer.on_close()
    assert consumer.calls == ["close"]
    assert consumer.pool._pool._cache == {1: job}


def test_only_handlers_tasks_are_left_to_others(redelivery):
    consumer = consuming(Base, redelivery)()
    ours = SimpleNamespace(headers={"igwn_alert": {}, "task": "x"})
    other = SimpleNamespace(headers={"task": "x"})
    bare = SimpleNamespace(headers=None)
    for message in (ours, other, bare):
        consumer.on_unknown_task(None, message, KeyError("x"))
    assert redelivery.calls == [("unknown", ours)]
    assert consumer.calls == [("unknown", other), ("unknown", bare)]
