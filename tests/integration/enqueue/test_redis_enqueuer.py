# SPDX-License-Identifier: BSD-3-Clause
"""The connection to Redis: bounded in time, open or not, and what it promises."""

import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.enqueue.batch import Batch, Entry, Position
from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.integration.enqueue.kit import letter
from tests.integration.enqueue.sendings import Sending, bridge_of
from tests.integration.enqueue.stock import PARTITION, call_of, received, write
from tests.services.stopwatch import Stopwatch

ALERT = '{"uid": "S230518h"}'


def every_question(enqueuer, call):
    empty = Batch(PARTITION, Position(0, 0), 1, (Entry(0, (), ()),))
    return (
        lambda: enqueuer.prepare(call),
        lambda: enqueuer.begin(empty).outcome(),
        lambda: enqueuer.positions([PARTITION]),
        lambda: enqueuer.claim(PARTITION, 0),
        lambda: enqueuer.seek(PARTITION, 0),
        lambda: enqueuer.memory.asked("cluster", "group"),
        lambda: enqueuer.memory.remember("cluster", "group", "topic", "{}"),
        lambda: enqueuer.memory.dead_letters,
        enqueuer.warnings,
    )


def quickest_s(ask_all):
    """The least of some times, seconds: by accident all of them will hardly be slow."""
    times = []
    for _ in range(3):
        with Stopwatch() as watch:
            ask_all()
        times.append(watch.seconds)
    return min(times)


def test_before_it_is_open_every_question_is_retryable(opened_app, plain_sending):
    """Above all: an alert that cannot be built now must not be taken for a poison record."""
    with opened_app(plain_sending) as (_, task, enqueuer):
        enqueuer.close()
        for ask in every_question(enqueuer, call_of(task, ALERT)):
            with pytest.raises(TaskBrokerUnavailable, match="not connected"):
                ask()


def test_a_failed_open_leaves_it_closed(opened_app, plain_sending, redis_server):
    with opened_app(plain_sending) as (_, task, enqueuer):
        before = enqueuer.ledger_id
        redis_server.stop()
        with pytest.raises(TaskBrokerUnavailable):
            enqueuer.open()
        redis_server.start()
        for ask in every_question(enqueuer, call_of(task, ALERT)):
            with pytest.raises(TaskBrokerUnavailable, match="not connected"):
                ask()
        enqueuer.open()
        assert enqueuer.ledger_id == before
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))


def test_a_server_that_is_away_refuses_without_a_pause(opened_app, plain_sending, redis_server):
    with opened_app(plain_sending) as (_, task, enqueuer):
        redis_server.stop()

        def ask_all():
            for ask in (enqueuer.open, *every_question(enqueuer, call_of(task, ALERT))):
                with pytest.raises(TaskBrokerUnavailable):
                    ask()

        assert quickest_s(ask_all) < 1.5


@pytest.mark.parametrize("own", [{}, {"socket_timeout": 60}, {"retry_on_timeout": True}])
def test_a_server_that_hangs_costs_a_time_out_a_question(opened_app, redis_server, database, own):
    with opened_app(Sending(transport=own), task_broker_timeout_s=1.0) as (_, task, enqueuer):
        call = call_of(task, ALERT)
        commands = enqueuer.prepare(call)

        def ask_both():
            with redis_server.suspended():
                for ask in (lambda: write(enqueuer, commands), enqueuer.open):
                    with pytest.raises(TaskBrokerUnavailable, match=r"[Tt]ime"):
                        ask()
            database.ping()
            enqueuer.open()

        assert 2.0 <= quickest_s(ask_both) < 4.0


def test_closing_twice_and_after_the_server_has_gone(opened_app, plain_sending, redis_server):
    with opened_app(plain_sending) as (_, _, enqueuer):
        redis_server.stop()
        enqueuer.close()
        enqueuer.close()
        assert enqueuer.ledger_id


def test_what_was_queued_while_another_connection_was_open(opened_app, plain_sending):
    with opened_app(plain_sending) as (app, task, enqueuer):
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        memory = enqueuer.memory
        memory.dead_letters.add(letter(0))
        enqueuer.open()
        write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
        assert memory.dead_letters.count() == 1
        assert len(received(app, ("celery",))) == 2


def test_dead_letters_have_the_bounds_of_the_settings(opened_app, plain_sending):
    with opened_app(plain_sending, dead_letter_max_count=2) as (_, _, enqueuer):
        store = enqueuer.memory.dead_letters
        evicted = [store.add(letter(number)) for number in range(3)]
        assert [len(one) for one in evicted] == [0, 0, 1]
        assert store.count() == 2


@pytest.mark.parametrize(
    ("more", "guarantee"),
    [("", "exactly once"), (";redis://127.0.0.1:1/0", "at least once (several task broker URLs)")],
)
def test_several_servers_have_several_ledgers(redis_server, more, guarantee):
    app = Celery("followup", broker=redis_server.url + more, set_as_current=False)
    enqueuer = RedisEnqueuer(app, IGWNAlert(app, noauth=True).settings)
    enqueuer.open()
    assert enqueuer.guarantee == guarantee
    enqueuer.close()


def test_the_first_server_that_answers_is_taken(redis_server):
    broker = f"redis://127.0.0.1:1/0;{redis_server.url}"
    app, task = bridge_of(broker, Sending())
    enqueuer = RedisEnqueuer(app, app.igwn_alert.settings)
    enqueuer.open()
    assert enqueuer.positions([PARTITION]) == {PARTITION: None}
    client = redis_server.client()
    client.delete("celery")
    write(enqueuer, enqueuer.prepare(call_of(task, ALERT)))
    assert client.llen("celery") == 1
    enqueuer.close()
    app.close()


def test_a_setting_that_cannot_be_right_is_no_broken_connection(opened_app):
    sending = Sending({"task_compression": "none such"})
    with (
        opened_app(sending) as (_, task, enqueuer),
        pytest.raises(Exception, match="none such") as caught,
    ):
        enqueuer.prepare(call_of(task, ALERT))
    assert not isinstance(caught.value, TaskBrokerUnavailable)


def test_a_queue_that_must_not_be_made_is_no_broken_connection(opened_app):
    sending = Sending({"task_create_missing_queues": False}, task={"queue": "none such"})
    with (
        opened_app(sending) as (_, task, enqueuer),
        pytest.raises(Exception, match="none such") as caught,
    ):
        enqueuer.prepare(call_of(task, ALERT))
    assert not isinstance(caught.value, TaskBrokerUnavailable)
