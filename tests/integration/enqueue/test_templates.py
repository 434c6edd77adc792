# SPDX-License-Identifier: BSD-3-Clause
"""Who has a template, who has none and why, and what makes one wrong later."""

import contextlib

import kombu
import pytest
from celery import Task, signals
from celery._state import pop_current_task, push_current_task
from kombu import Exchange, Queue

from igwn_alert_celery.enqueue.message import TaskCall
from tests.integration.enqueue.sendings import QUEUES, Sending, Stamping, queues
from tests.integration.enqueue.stock import (
    HEADERS,
    call_of,
    same,
    sent_by_celery,
    sent_by_us,
    write,
)

ALERT = '{"uid": "S230518h", "alert_type": "new"}'


def agrees(app, task, enqueuer, text=ALERT):
    """Whether our message is Celery's, as everything stands now."""
    call = call_of(task, text)
    ours = sent_by_us(app, enqueuer, call, QUEUES)
    return same(ours, sent_by_celery(app, call, QUEUES))


@pytest.mark.parametrize(
    "sending",
    [
        Sending(),
        Sending(task={"queue": "urgent", "priority": 4}),
        Sending(task={"time_limit": 60, "soft_time_limit": 50, "delivery_mode": 1}),
        Sending(task={"ignore_result": False}, conf={"result_backend": "rpc://"}),
        Sending({**queues, "task_routes": {"followup.*": {"queue": "urgent", "priority": 3}}}),
        Sending(transport={"global_keyprefix": "f:", "priority_steps": [0, 1], "sep": ":"}),
        Sending(task={"base": type("Plain", (Task,), {"abstract": True, "on_failure": print})}),
    ],
)
def test_a_regular_handler_has_one(opened_app, sending):
    with opened_app(sending) as (app, task, enqueuer):
        assert agrees(app, task, enqueuer)
        assert enqueuer.ordinary_way == {}


@pytest.mark.parametrize(
    ("sending", "reason"),
    [
        (Sending({"task_send_sent_event": True}), "task_send_sent_event"),
        (Sending({"task_compression": "gzip"}), "compression"),
        (Sending({"task_routes": {"followup.*": {"compression": "gzip"}}}), "its JSON is not"),
        (Sending(task={"serializer": "pickle"}, conf={"accept_content": ["pickle"]}), "serializer"),
        (Sending(task={"expires": 60}), "expires"),
        (Sending(task={"base": Stamping}), "apply_async is overridden"),
        (Sending(task={"shadow_name": lambda *_: "shadow"}), "shadow_name is overridden"),
        (Sending({"task_routes": (lambda *_, **__: {"queue": "urgent"},)}), "a router function"),
        pytest.param(
            Sending(queues, task={"queue": "short-lived"}),
            "its queue expires",
            marks=pytest.mark.skipif(kombu.VERSION < (5, 6), reason="queues expire since 5.6"),
        ),
        (
            Sending(queues, task={"queue": "omegascan", "routing_key": "alerts.new"}),
            "exchange 'followups'",
        ),
    ],
)
def test_an_irregular_handler_has_none_and_says_why(opened_app, sending, reason):
    with opened_app(sending) as (app, task, enqueuer):
        assert agrees(app, task, enqueuer)
        assert reason in enqueuer.ordinary_way[task.name]


@pytest.mark.parametrize("place", ["app", "task"])
def test_instrumentation_that_wraps_celerys_own_methods_is_seen(opened_app, monkeypatch, place):
    owner, name = {"app": (None, "send_task"), "task": (Task, "apply_async")}[place]
    with opened_app(Sending()) as (app, task, enqueuer):
        owner = owner or app
        original = getattr(owner, name)

        def traced(*args, **options):
            options["headers"] = {**options["headers"], "trace": str(options["task_id"])}
            return original(*args, **options)

        monkeypatch.setattr(owner, name, traced)
        assert agrees(app, task, enqueuer)
        assert f"{name} is overridden" in enqueuer.ordinary_way[task.name]


def connect_signal(app, stack):
    def add(headers, body, **_):
        headers["seen"] = body[0][0]["uid"]

    stack.callback(signals.before_task_publish.disconnect, add)
    signals.before_task_publish.connect(add)


def change(**settings):
    return lambda app, stack: app.conf.update(settings)


def replace_queue(app, stack):
    app.amqp.queues.add(Queue("urgent", Exchange("other", type="topic"), routing_key="a.b"))


def change_route(app, stack):
    app.conf.task_routes["followup.handler"]["priority"] = 9


def ask_for_results(app, stack):
    app.tasks["followup.handler"].ignore_result = False


@pytest.mark.parametrize(
    ("sending", "later"),
    [
        (Sending(), connect_signal),
        (Sending(), change(task_routes={"followup.handler": {"queue": "urgent"}})),
        (Sending(), change(task_default_queue="urgent")),
        (Sending(task={"queue": "urgent"}), replace_queue),
        (Sending({"task_routes": {"followup.handler": {"priority": 3}}}), change_route),
        (Sending(), ask_for_results),
    ],
)
def test_what_changes_later_is_seen_with_the_next_batch(opened_app, sending, later):
    with opened_app(sending) as (app, task, enqueuer), contextlib.ExitStack() as stack:
        assert agrees(app, task, enqueuer)
        assert enqueuer.ordinary_way == {}
        later(app, stack)
        assert agrees(app, task, enqueuer)


def test_an_event_that_is_wanted_later_goes_out_with_the_next_batch(opened_app, plain_sending):
    with opened_app(plain_sending) as (app, task, enqueuer):
        commands = enqueuer.prepare(call_of(task, ALERT))
        assert len(commands) == 1
        write(enqueuer, commands)
        app.conf.task_send_sent_event = True
        assert len(enqueuer.prepare(call_of(task, ALERT))) == 2


def test_a_signal_that_is_gone_again_gives_the_template_back(opened_app, plain_sending):
    with opened_app(plain_sending) as (app, task, enqueuer):
        with contextlib.ExitStack() as stack:
            connect_signal(app, stack)
            assert agrees(app, task, enqueuer)
            assert "before_task_publish" in enqueuer.ordinary_way[task.name]
        assert agrees(app, task, enqueuer)
        assert enqueuer.ordinary_way == {}


def test_inside_a_task_the_parent_is_told(opened_app):
    sending = Sending({"task_inherit_parent_priority": True})
    with opened_app(sending) as (app, task, enqueuer):
        assert agrees(app, task, enqueuer)

        @app.task
        def parent():
            return None

        delivery_info = {"priority": 7}
        parent.push_request(id="parent", called_directly=False, delivery_info=delivery_info)
        push_current_task(parent)
        try:
            assert agrees(app, task, enqueuer)
        finally:
            pop_current_task()
            parent.pop_request()


def test_two_handlers_of_one_alert_do_not_mix(opened_app, plain_sending):
    with opened_app(plain_sending) as (app, task, enqueuer):

        @app.igwn_alert.handler("superevent", name="followup.second", queue="urgent")
        def second(alert):
            return alert

        one = call_of(task, ALERT, "one")
        two = TaskCall(second, "two", {**HEADERS, "max_age_s": 5}, one.content, one.json, True)
        for call in (one, two, one):
            ours = sent_by_us(app, enqueuer, call, QUEUES)
            assert same(ours, sent_by_celery(app, call, QUEUES))
        assert enqueuer.ordinary_way == {}
