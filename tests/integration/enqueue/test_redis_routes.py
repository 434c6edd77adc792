# SPDX-License-Identifier: BSD-3-Clause
"""Routes on Redis: where a task goes, also when nobody listens there."""

import base64
import json

import pytest
from celery import Task
from kombu import Exchange, Queue

from igwn_alert_celery.enqueue.message import apply
from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.task import HEADER
from tests.integration.enqueue.sendings import Sending
from tests.integration.enqueue.stock import call_of, received, write

ALERT = '{"uid": "S230518h"}'
TO_EXCHANGE = Sending(
    task={"exchange": "followups", "exchange_type": "topic", "routing_key": "alerts.new"}
)


def bind(app, name, key):
    queue = Queue(name, Exchange("followups", type="topic"), routing_key=key)
    with app.connection_for_write() as connection:
        queue(connection.default_channel).declare()


def test_a_route_that_leads_nowhere_is_no_silent_loss(opened_app):
    with opened_app(Sending(task={"exchange": "nobody", "routing_key": "key"})) as opened:
        _, task, enqueuer = opened
        with pytest.raises(PoisonRecord, match=r"unroutable: followup.handler: .*'nobody'"):
            enqueuer.prepare(call_of(task, ALERT))


def test_a_queue_that_is_bound_later_gets_what_comes_then(opened_app):
    sending = Sending(task={"exchange": "followups", "routing_key": "new"})
    with opened_app(sending) as (app, task, enqueuer):
        with pytest.raises(PoisonRecord):
            enqueuer.prepare(call_of(task, ALERT))
        bind(app, "first", "new")
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        bind(app, "second", "new")
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        names = [message["queue"] for message in received(app, ("first", "second"))]
        assert sorted(names) == ["first", "first", "second"]


def test_bindings_that_redis_has_lost_are_made_again(opened_app, database):
    queues = [Queue("omegascan", Exchange("followups", type="topic"), routing_key="alerts.#")]
    sending = Sending(
        {"task_queues": queues}, task={"queue": "omegascan", "routing_key": "alerts.new"}
    )
    with opened_app(sending) as (app, task, enqueuer):
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        database.delete("_kombu.binding.followups")
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        assert len(received(app, ("omegascan",))) == 2


def test_a_broadcast_goes_out_with_the_position(opened_app, database):
    queues = [Queue("all", Exchange("everybody", type="fanout"), routing_key="")]
    sending = Sending({"task_queues": queues}, task={"queue": "all"})
    with (
        opened_app(sending) as (app, task, enqueuer),
        database.pubsub(ignore_subscribe_messages=True) as subscriber,
    ):
        subscriber.psubscribe("/1.everybody*")
        subscriber.get_message(timeout=60.0)
        commands = enqueuer.prepare(call_of(task, ALERT))
        write(enqueuer, commands)
        ours = json.loads(subscriber.get_message(timeout=60.0)["data"])
        with app.connection_for_write() as connection:
            apply(call_of(task, ALERT), HEADER, app.amqp.Producer(connection))
        theirs = json.loads(subscriber.get_message(timeout=60.0)["data"])
        for message in (ours, theirs):
            message["properties"].pop("delivery_tag")
        assert ours == theirs
        assert "broadcast" in enqueuer.ordinary_way[task.name]


def test_an_event_that_somebody_waits_for_goes_out_with_the_task(opened_app, database):
    with opened_app(Sending({"task_send_sent_event": True})) as (app, task, enqueuer):
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        commands = enqueuer.prepare(call_of(task, ALERT))
        assert [command.kind for command in commands] == ["lpush", "publish"]
        with database.pubsub(ignore_subscribe_messages=True) as subscriber:
            subscriber.psubscribe("/1.celeryev*")
            subscriber.get_message(timeout=60.0)
            write(enqueuer, commands)
            body = json.loads(subscriber.get_message(timeout=60.0)["data"])["body"]
        assert json.loads(base64.b64decode(body))["uuid"] == "an-id"
        assert len(received(app, ("celery",))) == 2


class Direct(Task):
    """Sends by itself."""

    abstract = True

    def apply_async(self, *args, producer=None, **options):
        return super().apply_async(*args, **options)


def test_a_task_that_sends_by_itself_is_at_least_once_and_status_says_so(opened_app, caplog):
    with opened_app(Sending(task={"base": Direct})) as (app, task, enqueuer):
        assert enqueuer.prepare(call_of(task, ALERT)) == ()
        assert "at least once" in enqueuer.ordinary_way[task.name]
        assert len(received(app, ("celery",))) == 1
    assert "at least once" in caplog.text
