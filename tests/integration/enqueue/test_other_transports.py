# SPDX-License-Identifier: BSD-3-Clause
"""kombu's transports without a server, and the result backend beside any task broker."""

import stat
from unittest.mock import patch

import pytest
from celery import Celery
from kombu import Connection, Exchange, Queue

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.enqueue.kombu import KombuEnqueuer
from igwn_alert_celery.enqueue.message import apply
from igwn_alert_celery.enqueue.opening import make_enqueuer
from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.task import HEADER
from tests.integration.enqueue.kit import letter
from tests.integration.enqueue.kombu_enqueuers import batch, opening
from tests.integration.enqueue.sendings import Sending
from tests.integration.enqueue.stock import call_of, received, same, sent_by_celery


@pytest.fixture(params=["memory", "filesystem"])
def sending(request, tmp_path):
    if request.param == "memory":
        return Sending({"broker_url": "memory://"})
    folder = tmp_path / "queue"
    folder.mkdir()
    names = ("data_folder_in", "data_folder_out", "control_folder")
    return Sending({"broker_url": "filesystem://"}, {name: str(folder) for name in names})


@pytest.fixture
def opened(tmp_path):
    empty_memory()
    yield opening("memory://", tmp_path)
    empty_memory()


def empty_memory():
    # The memory transport has one memory for the whole process, other tests included.
    with Connection("memory://") as connection:
        for queue in ("celery", "bound"):
            connection.default_channel.queue_declare(queue)
            connection.default_channel.queue_purge(queue)


def also(sending, *queues, **options):
    return Sending({**sending.conf, "task_queues": queues}, sending.transport, options)


def test_every_task_arrives_with_its_id(opened, sending):
    with opened(sending) as (app, task, enqueuer):
        for first in range(0, 9, 3):
            assert enqueuer.begin(batch(enqueuer, first, task, task, task)).outcome().written == 3
        ids = {message["headers"]["id"] for message in received(app, ("celery",))}
        assert ids == {f"task-{task.name}-{number}" for number in range(9)}


def test_messages_are_celerys_own(opened, sending):
    with opened(sending) as (app, task, enqueuer):
        sent = batch(enqueuer, 0, task)
        enqueuer.begin(sent).outcome()
        (ours,) = received(app, ("celery",))
        call = sent.entries[0].commands[0].value
        assert same(ours, sent_by_celery(app, call, ("celery",)))


def test_a_route_that_leads_nowhere_is_kept(opened, sending):
    nowhere = also(sending, Queue("celery"), exchange="nobody", routing_key="x")
    with opened(nowhere) as (_, task, enqueuer):
        (kept,) = enqueuer.begin(batch(enqueuer, 4, task)).outcome().kept
        assert (kept.reason, kept.offset, kept.value) == ("unroutable", 4, b'{"uid": "S4"}')
        assert "'nobody'" in kept.error
        assert enqueuer.memory.dead_letters.get(kept.id) == kept


def test_a_state_file_that_was_removed_is_made_again(opened, sending, tmp_path):
    with opened(sending) as (_, task, enqueuer):
        (tmp_path / "state.sqlite").unlink()
        with pytest.raises(TaskBrokerUnavailable, match="no such table"):
            enqueuer.begin(batch(enqueuer, 0, task, letters=[letter(1)])).outcome()
        enqueuer.open()
        enqueuer.begin(batch(enqueuer, 0, task, letters=[letter(1)])).outcome()
        assert enqueuer.memory.dead_letters.count() == 1
    assert stat.S_IMODE((tmp_path / "state.sqlite").stat().st_mode) == 0o600


def test_so_it_is_on_a_second_server(opened, sending, redis_server):
    urls = f"redis://127.0.0.1:1/0;{redis_server.url}"
    nowhere = also(sending, Queue("celery"), exchange="nobody", routing_key="x")
    moved = Sending({**nowhere.conf, "broker_url": urls}, {}, nowhere.task)
    with opened(moved) as (_, task, enqueuer):
        (kept,) = enqueuer.begin(batch(enqueuer, 4, task)).outcome().kept
        assert kept.reason == "unroutable"


def test_a_named_exchange_works(opened, sending):
    queue = Queue("bound", Exchange("followups", type="topic"), routing_key="alerts.#")
    with opened(also(sending, queue, queue="bound", routing_key="alerts.new")) as opened_app:
        app, task, enqueuer = opened_app
        assert enqueuer.begin(batch(enqueuer, 0, task)).outcome().kept == ()
        assert len(received(app, ("bound",))) == 1


def test_dead_letters_of_a_batch_are_kept_once(opened, sending):
    with opened(sending) as (_, task, enqueuer):
        for _ in range(2):
            enqueuer.begin(batch(enqueuer, 0, task, letters=[letter(1)])).outcome()
        assert enqueuer.memory.dead_letters.count() == 1


def test_the_task_broker_decides_which_enqueuer(tmp_path, redis_server):
    for broker, kind in ((redis_server.url, RedisEnqueuer), ("memory://", KombuEnqueuer)):
        app = Celery("followup", broker=broker, set_as_current=False)
        bridge = IGWNAlert(app, noauth=True, state_dir=str(tmp_path), dead_letter_max_count=1)
        enqueuer = make_enqueuer(app, bridge.settings, "a/group")
        assert type(enqueuer) is kind
        assert enqueuer.ordinary_way == {}
    assert [path.name for path in tmp_path.iterdir()] == ["a%2Fgroup.sqlite"]
    evicted = [enqueuer.memory.dead_letters.add(letter(number)) for number in (0, 1)]
    assert [len(one) for one in evicted] == [0, 1]


def test_nobody_listens_for_results(opened, redis_server):
    """Celery subscribes to each result whose task it sends; here nobody would ever read it."""
    sending = Sending({"result_backend": redis_server.other_url}, task={"ignore_result": False})
    with (
        opened(sending) as (app, task, enqueuer),
        patch.object(app.backend.result_consumer, "consume_from") as listen,
    ):
        enqueuer.begin(batch(enqueuer, 0, task, task)).outcome()
        enqueuer.open()
        enqueuer.begin(batch(enqueuer, 2, task)).outcome()
        listen.assert_not_called()
        # What the app itself sends is none of our business.
        with app.connection_for_write() as connection:
            apply(call_of(task, "{}", "mine"), HEADER, app.amqp.Producer(connection))
        listen.assert_called_once_with("mine")
