# SPDX-License-Identifier: BSD-3-Clause
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from celery.backends.base import DisabledBackend
from celery.exceptions import TimeoutError as NoResultYet
from kombu.exceptions import OperationalError

from igwn_alert_celery.cli import through_app
from igwn_alert_celery.cli.alert_files import AlertFile
from igwn_alert_celery.cli.outgoing import each_to_each
from igwn_alert_celery.cli.through_app import send_through_app
from igwn_alert_celery.errors import SendRefused

PLACE = {"topic": "a", "partition": 1, "offset": 7, "timestamp_ms": 5, "latency_ms": 2.6}


class Backend:
    def remove_pending_result(self, result):
        pass


class Bridge:
    """Publishes nowhere; its results are what it was given."""

    def __init__(self, app, *ends, backend=None):
        self.app = SimpleNamespace(backend=backend or Backend())
        self.ends = list(ends)
        self.published = []

    def publish(self, topic, alert, **more):
        self.published.append((topic, alert, more))
        end = self.ends.pop(0) if self.ends else None

        def get(timeout):
            if isinstance(end, Exception):
                raise end
            return end

        return SimpleNamespace(id=f"id-{len(self.published)}", get=get, backend=self.app.backend)


@pytest.fixture(autouse=True)
def _reached(monkeypatch):
    @contextmanager
    def reaching(bridge):
        yield

    monkeypatch.setattr(through_app, "reaching", reaching)


def sent(bridge, *topics, **more):
    outgoing = each_to_each([AlertFile("f", "{}")], topics, more.get("key"), test="test" in more)
    return list(send_through_app(bridge, outgoing, 3.0))


def test_each_is_published_and_waited_for(app):
    bridge = Bridge(app, PLACE, PLACE)
    assert [end.place for end in sent(bridge, "a", "b", key=True, test=1)] == [
        "partition 1, offset 7 (3 ms)"
    ] * 2
    more = {"key": True, "test": True}
    assert bridge.published == [("a", "{}", more), ("b", "{}", more)]


def test_without_a_result_backend_they_are_queued(app):
    bridge = Bridge(app, backend=DisabledBackend(app))
    ends = sent(bridge, "a", "b")
    assert [end.place.partition(";")[0] for end in ends] == [
        "queued as task id-1",
        "queued as task id-2",
    ]
    assert not any(end.error for end in ends)


def test_an_app_that_ignores_results_keeps_none(app):
    (end,) = sent(Bridge(app, None), "a")
    assert end.place.startswith("queued as task id-1; the app keeps no results")


def test_what_kafka_refuses_is_told_and_the_next_is_sent(app):
    first, second = sent(Bridge(app, SendRefused("no such topic"), PLACE), "a", "b")
    assert (first.error, first.is_known) == ("no such topic", True)
    assert second.place


@pytest.mark.parametrize("error", [NoResultYet(), OperationalError("x"), ConnectionError("x")])
def test_after_one_that_nobody_knows_of_no_more_are_sent(app, error):
    bridge = Bridge(app, error, PLACE)
    first, second = sent(bridge, "a", "b")
    assert first.error.startswith("queued as task id-1, and the")
    assert first.is_known is False
    assert second.error == "not sent, because of the one before"
    assert len(bridge.published) == 1


def test_whatever_the_task_raises_is_told(app):
    (end,) = sent(Bridge(app, RuntimeError("out of coffee")), "a")
    assert end.error == "RuntimeError: out of coffee"
