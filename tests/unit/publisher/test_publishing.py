# SPDX-License-Identifier: BSD-3-Clause
"""How a task is ordered; real task brokers are in integration."""

import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.errors import SendRefused, TaskBrokerUnavailable

ALERT = {"uid": "S1"}


@pytest.fixture
def bridge():
    """Nobody listens where its task broker should be."""
    with Celery(broker="redis://127.0.0.1:1", set_as_current=False) as app:
        yield IGWNAlert(app, noauth=True, group="g")


@pytest.fixture
def ordered(bridge, monkeypatch):
    """Note the options with which Celery is called."""
    found = []
    monkeypatch.setattr(
        bridge.publisher, "apply_async", lambda _args, _kwargs, **options: found.append(options)
    )
    return found


def test_a_task_broker_that_is_away(bridge):
    with pytest.raises(TaskBrokerUnavailable, match="does not answer"):
        bridge.publish("superevent", ALERT)


def test_eager_tasks_need_no_task_broker(bridge):
    def send(_records):
        raise SendRefused("no")

    bridge.app.conf.task_always_eager = True
    bridge.sender.send = send
    bridge.app.conf.task_store_eager_result = False
    assert isinstance(bridge.publish("superevent", ALERT).result, SendRefused)


@pytest.mark.parametrize("name", ["connection", "producer"])
def test_the_callers_own_connection_goes_on_celerys_terms(bridge, ordered, name):
    with bridge.app.connection_for_write("memory://") as connection:
        own = {"connection": connection, "producer": bridge.app.amqp.Producer(connection)}
        bridge.publish("superevent", ALERT, options={name: own[name], "countdown": 1})
    assert ordered == [{name: own[name], "countdown": 1}]


def test_the_callers_options_come_before_ours(bridge, ordered):
    bridge.app.conf.broker_url = "memory://"
    bridge.publish("superevent", ALERT, options={"retry": True, "expires": 3})
    (options,) = ordered
    assert (options["retry"], options["timeout"], options["expires"]) == (True, 5.0, 3)
