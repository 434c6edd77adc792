# SPDX-License-Identifier: BSD-3-Clause
"""RabbitMQ: a batch is published whole, and whatever goes wrong in it is found task by task."""

from contextlib import ExitStack
from functools import partial

import kombu
import pytest
from kombu import Exchange, Queue

from igwn_alert_celery.enqueue import confirms
from igwn_alert_celery.enqueue.publish import Publisher
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.integration.enqueue.kombu_enqueuers import batch, opening
from tests.integration.enqueue.sendings import Sending

PLAIN = Sending()


@pytest.fixture
def channel(rabbitmq):
    """A channel on which somebody else changes the server."""
    with kombu.Connection(rabbitmq.url) as connection:
        yield connection.default_channel


@pytest.fixture
def opened(rabbitmq, channel, tmp_path):
    for name in ("celery", "small", "other"):
        channel.queue_delete(name)
    channel.exchange_delete("passing")
    # A slow machine's RabbitMQ is slow above all after a restart.
    return partial(opening(rabbitmq.url, tmp_path), task_broker_timeout_s=30)


@pytest.fixture
def alone(monkeypatch):
    """The ids of the tasks that were published by themselves."""
    ids, publish = [], Publisher.publish

    def noted(self, call, topic_prefix):
        ids.append(call.task_id)
        return publish(self, call, topic_prefix)

    monkeypatch.setattr(Publisher, "publish", noted)
    return ids


def another(app, name, **options):
    def handler(alert):
        return alert

    return app.igwn_alert.handler("superevent", name=name, **options)(handler)


def ids(task, *numbers):
    return [f"task-{task.name}-{number}" for number in numbers]


def taken(channel, queue="celery"):
    """Take all messages out of a queue; returns their task ids."""
    found = []
    while message := channel.basic_get(queue, no_ack=True):
        found.append(message.headers["id"])
    return found


def begin(enqueuer, first, *tasks):
    return enqueuer.begin(batch(enqueuer, first, *tasks)).outcome()


def test_only_a_handlers_first_task_goes_by_itself(opened, channel, alone):
    with opened(PLAIN) as (app, task, enqueuer):
        other = another(app, "followup.other", queue="other")
        tasks = [task, task, other, task, other]
        begin(enqueuer, 0, *tasks)
        begin(enqueuer, 5, *tasks)
        assert alone == [*ids(task, 0), *ids(other, 2)]
        enqueuer.open()
        begin(enqueuer, 10, *tasks)
        assert alone[2:] == [*ids(task, 10), *ids(other, 12)]
        assert taken(channel) == ids(task, 0, 1, 3, 5, 6, 8, 10, 11, 13)
        assert taken(channel, "other") == ids(other, 2, 4, 7, 9, 12, 14)


@pytest.mark.parametrize("most_bytes", [1, 1000])
def test_however_little_may_be_on_its_way(opened, channel, monkeypatch, most_bytes):
    monkeypatch.setattr(confirms, "MOST_BYTES", most_bytes)
    with opened(PLAIN) as (_, task, enqueuer):
        begin(enqueuer, 0, *[task] * 50)
        assert taken(channel) == ids(task, *range(50))


def test_what_else_celery_sends_is_counted(opened, channel):
    with opened(Sending({"task_send_sent_event": True})) as (_, task, enqueuer):
        begin(enqueuer, 0, *[task] * 20)
        assert taken(channel) == ids(task, *range(20))


def test_a_route_that_is_lost_later(opened, channel, alone):
    channel.queue_declare("other", durable=True, auto_delete=False)
    channel.queue_bind("other", "amq.topic", "lost")
    with opened(PLAIN) as (app, task, enqueuer):
        lost = another(app, "followup.lost", exchange="amq.topic", routing_key="lost")
        assert begin(enqueuer, 0, lost, task, lost).kept == ()
        channel.queue_unbind("other", "amq.topic", "lost")
        kept = begin(enqueuer, 3, task, lost, task, lost, task).kept
        assert [(letter.reason, letter.offset) for letter in kept] == [
            ("unroutable", 4),
            ("unroutable", 6),
        ]
        assert taken(channel) == ids(task, 1, 3, 5, 7)
        assert alone[2:] == ids(lost, 4, 6)
        # From now on it is expected to fail.
        assert len(begin(enqueuer, 8, task, lost, task).kept) == 1
        channel.queue_bind("other", "amq.topic", "lost")
        assert begin(enqueuer, 11, lost, lost).kept == ()
        assert alone[4:] == [*ids(lost, 9), *ids(lost, 11)]
        assert taken(channel, "other") == ids(lost, 0, 2, 11, 12)


def test_an_exchange_that_is_lost_later(opened, channel):
    channel.exchange_declare("passing", "direct", durable=True, auto_delete=False)
    channel.queue_declare("other", durable=True, auto_delete=False)
    channel.queue_bind("other", "passing", "x")
    with opened(PLAIN) as (app, task, enqueuer):
        lost = another(app, "followup.lost", exchange="passing", routing_key="x")
        assert begin(enqueuer, 0, lost, task).kept == ()
        channel.exchange_delete("passing")
        (kept,) = begin(enqueuer, 2, *[task] * 9, lost, *[task] * 9).kept
        assert "no exchange 'passing'" in kept.error
        assert (kept.reason, kept.handler, kept.offset) == ("cannot_enqueue", lost.name, 11)
        # The server has closed the channel before it has confirmed all that it had by then.
        assert set(taken(channel)) == set(ids(task, 1, *range(2, 11), *range(12, 21)))
        # It happens once, not with each batch.
        assert len(begin(enqueuer, 21, task, task, lost, task).kept) == 1
        assert taken(channel) == ids(task, 21, 22, 24)


def test_an_exchange_of_ours_that_is_lost_is_made_again(opened, channel):
    queue = Queue("other", Exchange("passing"), routing_key="x")
    with opened(Sending({"task_queues": [Queue("celery"), queue]})) as (app, task, enqueuer):
        lost = another(app, "followup.lost", queue="other")
        begin(enqueuer, 0, lost, task)
        channel.exchange_delete("passing")
        assert begin(enqueuer, 2, task, lost, task, lost).kept == ()
        assert set(taken(channel, "other")) == set(ids(lost, 0, 3, 5))
        assert set(taken(channel)) == set(ids(task, 1, 2, 4))


def test_queues_that_somebody_deleted_are_made_again_in_order(opened, channel):
    with opened(PLAIN) as (_, task, enqueuer):
        begin(enqueuer, 0, task)
        channel.queue_delete("celery")
        assert begin(enqueuer, 1, *[task] * 9).kept == ()
        assert taken(channel) == ids(task, *range(1, 10))


def test_one_alert_that_a_router_does_not_like(opened, channel):
    def router(name, args, kwargs, options, **_):
        if args[0].get("uid") == "S3":
            raise LookupError("no queue for S3")

    with opened(Sending({"task_routes": (router,)})) as (_, task, enqueuer):
        (kept,) = begin(enqueuer, 0, *[task] * 7).kept
        assert (kept.reason, kept.offset) == ("cannot_enqueue", 3)
        assert "no queue for S3" in kept.error
        assert taken(channel) == ids(task, 0, 1, 2, 4, 5, 6)


def test_what_a_full_queue_has_refused_comes_later_and_nothing_twice(opened, channel):
    arguments = {"x-max-length": 3, "x-overflow": "reject-publish"}
    queues = [Queue("celery"), Queue("small", queue_arguments=arguments)]
    with opened(Sending({"task_queues": queues})) as (app, task, enqueuer):
        small = another(app, "followup.small", queue="small")
        tasks = [small, task] * 6
        with pytest.raises(TaskBrokerUnavailable, match="refuses"):
            begin(enqueuer, 0, *tasks)
        enqueuer.open()
        assert taken(channel, "small") == ids(small, 0, 2, 4)
        assert begin(enqueuer, 0, *tasks).written == 12
        assert taken(channel, "small") == ids(small, 6, 8, 10)
        assert taken(channel) == ids(task, *range(1, 12, 2))


@pytest.fixture
def after(monkeypatch):
    """Let something happen before the task of this number is published."""

    def after(number, happens):
        sent, apply = [], Publisher.apply

        def counted(self, call, producer):
            sent.append(call.task_id)
            if len(sent) == number:
                happens()
            return apply(self, call, producer)

        monkeypatch.setattr(Publisher, "apply", counted)
        return sent

    return after


def test_a_server_that_dies_while_a_batch_is_on_its_way(opened, rabbitmq, after):
    with opened(PLAIN) as (app, task, enqueuer):
        begin(enqueuer, 0, task)
        sent = after(20, rabbitmq.stop)
        with pytest.raises(TaskBrokerUnavailable):
            begin(enqueuer, 1, *[task] * 40)
        assert 20 <= len(sent) < 40
        rabbitmq.start()
        enqueuer.open()
        assert begin(enqueuer, 1, *[task] * 40).written == 40
        with app.connection_for_read() as connection:
            assert set(taken(connection.default_channel)) == set(ids(task, *range(41)))


def test_a_server_that_hangs_while_a_batch_is_on_its_way(opened, rabbitmq, channel, after):
    with ExitStack() as hanging, opened(PLAIN, task_broker_timeout_s=2) as (_, task, enqueuer):
        begin(enqueuer, 0, task)
        sent = after(20, lambda: hanging.enter_context(rabbitmq.suspended()))
        with pytest.raises(TaskBrokerUnavailable):
            begin(enqueuer, 1, *[task] * 40)
        assert len(sent) == 40
        hanging.close()
        enqueuer.open()
        assert begin(enqueuer, 1, *[task] * 40).written == 40
        assert set(taken(channel)) == set(ids(task, *range(41)))
