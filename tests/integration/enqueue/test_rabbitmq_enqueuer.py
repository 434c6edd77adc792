# SPDX-License-Identifier: BSD-3-Clause
"""RabbitMQ: confirmed, at least once; a refusal, a lost route and a restart lose nothing."""

from functools import partial

import kombu
import pytest
from kombu import Queue

from igwn_alert_celery.enqueue.batch import Verdict
from igwn_alert_celery.errors import TaskBrokerUnavailable
from tests.integration.enqueue.kit import letter
from tests.integration.enqueue.kombu_enqueuers import PARTITION, batch, opening
from tests.integration.enqueue.sendings import Sending

PLAIN = Sending()


@pytest.fixture
def opened(rabbitmq, tmp_path):
    with kombu.Connection(rabbitmq.url) as connection:
        for name in ("celery", "small", "other"):
            connection.default_channel.queue_delete(name)
    # A slow machine's RabbitMQ is slow above all after a restart.
    return partial(opening(rabbitmq.url, tmp_path), task_broker_timeout_s=30)


def test_one_server_under_two_names_is_one_task_broker(rabbitmq, tmp_path):
    address = rabbitmq.url.replace("127.0.0.1", "{}")
    assert "{}" in address
    with (
        opening(address.format("127.0.0.1"), tmp_path)(PLAIN) as (_, _, one),
        opening(address.format("localhost"), tmp_path)(PLAIN) as (_, _, same),
    ):
        assert one.ledger_id == same.ledger_id


def another(app, name, **options):
    def handler(alert):
        return alert

    return app.igwn_alert.handler("superevent", name=name, **options)(handler)


def taken(app, queue="celery", limit=1000):
    """Take messages out of a queue; returns their task ids."""
    ids = []
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        while len(ids) < limit and (message := channel.basic_get(queue, no_ack=True)):
            ids.append(message.headers["id"])
    return ids


def test_tasks_keep_their_ids_and_their_order(opened):
    with opened(PLAIN) as (app, task, enqueuer):
        outcome = enqueuer.begin(batch(enqueuer, 5, task, task, task)).outcome()
        assert (outcome.verdict, outcome.written, outcome.kept) == (Verdict.WRITTEN, 3, ())
        assert outcome.position.next_offset == 8
        assert taken(app) == [f"task-{task.name}-{number}" for number in (5, 6, 7)]


def test_a_queue_that_refuses_is_tried_again_without_copies_elsewhere(opened):
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queues = [Queue("celery"), Queue("small", queue_arguments=arguments)]
    with opened(Sending({"task_queues": queues})) as (app, task, enqueuer):
        small = another(app, "followup.small", queue="small")
        full = batch(enqueuer, 0, task, small, task, small, task)
        for _ in range(3):
            with pytest.raises(TaskBrokerUnavailable, match="refuses"):
                enqueuer.begin(full).outcome()
        enqueuer.open()
        with pytest.raises(TaskBrokerUnavailable, match="refuses"):
            enqueuer.begin(full).outcome()
        assert taken(app, "small") == ["task-followup.small-1"]
        assert enqueuer.begin(full).outcome().written == 5
        assert taken(app, "small") == ["task-followup.small-3"]
        assert taken(app) == [f"task-{task.name}-{number}" for number in (0, 2, 4)]


def test_a_replay_is_not_taken_for_a_retry(opened):
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queues = [Queue("celery"), Queue("small", queue_arguments=arguments)]
    with opened(Sending({"task_queues": queues})) as (app, task, enqueuer):
        small = another(app, "followup.small", queue="small")
        refused = batch(enqueuer, 1, task, small, small)
        with pytest.raises(TaskBrokerUnavailable):
            enqueuer.begin(refused).outcome()
        enqueuer.begin(batch(enqueuer, 0, task, task)).outcome()  # Kafka's offset was set back
        with pytest.raises(TaskBrokerUnavailable):
            enqueuer.begin(refused).outcome()
        enqueuer.seek(PARTITION, 1)
        enqueuer.begin(batch(enqueuer, 1, task)).outcome()
        assert taken(app) == [f"task-{task.name}-{number}" for number in (1, 0, 1, 1, 1)]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"exchange": "amq.topic", "routing_key": "nobody"}, "'amq.topic'"),
        ({"exchange": "nobody", "routing_key": "x"}, "no exchange 'nobody'"),
        ({"queue": "other", "priority": "high"}, "not an integer"),
    ],
)
def test_what_no_queue_will_ever_take_is_kept_and_the_rest_goes_on(opened, options, error):
    with opened(PLAIN) as (app, task, enqueuer):
        lost = another(app, "followup.lost", **options)
        outcome = enqueuer.begin(batch(enqueuer, 0, task, lost, task)).outcome()
        (kept,) = outcome.kept
        assert kept.reason in {"unroutable", "cannot_enqueue"}
        assert error in kept.error
        assert (kept.handler, kept.offset, kept.key) == ("followup.lost", 1, b"key")
        assert kept.value == b'{"uid": "S1"}'
        assert enqueuer.memory.dead_letters.list() == [kept]
        assert taken(app) == [f"task-{task.name}-0", f"task-{task.name}-2"]
        assert enqueuer.begin(batch(enqueuer, 3, task)).outcome().kept == ()
        assert taken(app) == [f"task-{task.name}-3"]


def test_a_queue_that_differs_on_the_server_is_such_a_case(opened, rabbitmq):
    with kombu.Connection(rabbitmq.url) as connection:
        connection.default_channel.queue_declare("other", durable=True, auto_delete=False)
    queues = [Queue("celery"), Queue("other", queue_arguments={"x-max-priority": 5})]
    with opened(Sending({"task_queues": queues})) as (app, task, enqueuer):
        lost = another(app, "followup.lost", queue="other")
        (kept,) = enqueuer.begin(batch(enqueuer, 0, lost, task)).outcome().kept
        assert "x-max-priority" in kept.error
        assert taken(app) == [f"task-{task.name}-1"]


def test_a_queue_that_somebody_deleted_is_made_again(opened, rabbitmq):
    with opened(PLAIN) as (app, task, enqueuer):
        enqueuer.begin(batch(enqueuer, 0, task)).outcome()
        with kombu.Connection(rabbitmq.url) as connection:
            connection.default_channel.queue_delete("celery")
        assert enqueuer.begin(batch(enqueuer, 1, task)).outcome().kept == ()
        assert taken(app) == [f"task-{task.name}-1"]


def test_a_key_too_long_for_amqp_is_kept(opened):
    with opened(PLAIN) as (_, task, enqueuer):
        (kept,) = enqueuer.begin(batch(enqueuer, 0, task, key="k" * 200_000)).outcome().kept
        assert "64000" in kept.error
        assert enqueuer.begin(batch(enqueuer, 1, task)).outcome().kept == ()


def test_a_restart_in_the_middle(opened, rabbitmq):
    with opened(PLAIN) as (app, task, enqueuer):
        enqueuer.begin(batch(enqueuer, 0, task, task)).outcome()
        rabbitmq.stop()
        sent = batch(enqueuer, 2, task, task, letters=[letter(4)])
        for ask in (
            lambda: enqueuer.begin(sent).outcome(),
            enqueuer.open,
            lambda: enqueuer.begin(sent).outcome(),
        ):
            with pytest.raises(TaskBrokerUnavailable):
                ask()
        assert enqueuer.memory.dead_letters.count() == 0
        rabbitmq.start()
        enqueuer.open()
        assert enqueuer.begin(sent).outcome().written == 3
        assert set(taken(app)) == {f"task-{task.name}-{number}" for number in range(4)}
        assert enqueuer.memory.dead_letters.count() == 1


def test_a_wrong_password_is_tried_again(opened, rabbitmq):
    with opened(PLAIN) as (app, _, enqueuer):
        app.conf.broker_url = rabbitmq.url.replace("guest:guest", "guest:secret-word")
        with pytest.raises(TaskBrokerUnavailable, match="ACCESS_REFUSED") as caught:
            enqueuer.open()
        assert "secret-word" not in str(caught.value)


def test_dead_letters_have_the_bounds_of_the_settings(opened):
    with opened(PLAIN, dead_letter_max_count=2) as (_, task, enqueuer):
        letters = [letter(number) for number in range(1, 4)]
        outcome = enqueuer.begin(batch(enqueuer, 0, task, letters=letters)).outcome()
        assert outcome.evicted == (letters[0].id,)
        assert enqueuer.memory.dead_letters.list() == letters[1:]
