# SPDX-License-Identifier: BSD-3-Clause
"""The task on kombu's memory transport, with a stand-in for the line to Kafka."""

from __future__ import annotations

import json
import logging

import pytest
from celery import Celery, Task, chain
from celery.exceptions import Reject, Retry
from hop.models import Blob

from igwn_alert_celery import IGWNAlert, signals
from igwn_alert_celery.errors import (
    HandlerError,
    NoAppError,
    SendFailed,
    SendRefused,
    SettingsError,
    TaskBrokerUnavailable,
)
from igwn_alert_celery.kafka.producer import Delivery
from igwn_alert_celery.publisher import attempt

ALERT = {"uid": "S1", "alert_type": "new"}


class StandIn:
    """Answers each send with what comes next, and keeps what was sent."""

    username = "scimma-1"

    def __init__(self):
        self.answers = []
        self.sent = []

    def send(self, records):
        self.sent.append(records)
        answers = self.answers.pop(0) if self.answers else [None] * len(records)
        if isinstance(answers, Exception):
            raise answers
        return [
            answer or Delivery(record.topic, 0, number, 0, 1.0)
            for number, (answer, record) in enumerate(zip(answers, records, strict=True))
        ]


@pytest.fixture
def app(tmp_path):
    app = Celery("website", broker="memory://", set_as_current=False)
    app.conf.igwn_alert_state_dir = str(tmp_path)
    # All memory transports of a process share their queues.
    app.conf.task_default_queue = str(tmp_path)
    with app:
        yield app


@pytest.fixture
def bridge(app):
    bridge = IGWNAlert(app, noauth=True, group="gracedb-test")
    bridge.sender = StandIn()
    return bridge


@pytest.fixture
def letters(bridge):
    found = []

    def note(dead_letter, **_):
        found.append(dead_letter)

    signals.alert_dead_lettered.connect(note)
    yield found
    signals.alert_dead_lettered.disconnect(note)


def queued(app, queue=None):
    """Take the one message of a queue: headers and keyword arguments."""
    queue = queue or app.conf.task_default_queue
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get(queue, no_ack=True)
        args, kwargs, _ = message.decode()
        assert args == []
        return message, kwargs


def run(bridge, args=(), kwargs=None, retries=0):
    """Run the task as a worker does."""
    task = bridge.publisher
    came_by = {"exchange": "", "routing_key": task.app.conf.task_default_queue}
    task.push_request(
        id="task-1", args=args, kwargs=kwargs or {}, retries=retries, called_directly=False,
        is_eager=False, delivery_info=came_by,
    )  # fmt: skip
    try:
        return task.run(*args, **(kwargs or {}))
    finally:
        task.pop_request()


def test_an_app_without_handlers_can_send(app, bridge):
    assert "igwn_alert.publish" in app.tasks
    assert bridge.topics == ()
    result = bridge.publish("superevent", ALERT)
    message, kwargs = queued(app)
    assert message.headers["task"] == "igwn_alert.publish"
    assert message.headers["id"] == result.id
    assert kwargs == {
        "parcels": [{"topic": "superevent", "alert": json.dumps(ALERT), "format": "json"}]
    }


def test_no_alert_is_shown_by_celery(app, bridge):
    bridge.publish("superevent", ALERT)
    assert queued(app)[0].headers["argsrepr"] == "(superevent, 34 characters)"
    bridge.publish_many([(["a", "b"], ALERT), ("c", ALERT)])
    headers = queued(app)[0].headers
    assert headers["argsrepr"] == "(['a', 'b'], 34 characters, and 1 more)"
    assert headers["kwargsrepr"] == "{}"


def test_without_an_app():
    with pytest.raises(NoAppError):
        _ = IGWNAlert().publisher
    with pytest.raises(NoAppError):
        IGWNAlert().publish("superevent", ALERT)


def test_the_options_of_the_task(bridge):
    task = bridge.publisher
    assert task.acks_late is True
    assert task.reject_on_worker_lost is True
    assert task.max_retries is None


def test_the_apps_own_task_class_is_kept():
    class Own(Task):
        def mine(self):
            return self.name

    app = Celery("website", broker="memory://", task_cls=Own, set_as_current=False)
    publisher = IGWNAlert(app, noauth=True).publisher
    assert publisher.mine() == "igwn_alert.publish"
    assert publisher.acks_late is True


def test_every_way_to_call_it_makes_the_same_message(app, bridge):
    task = bridge.publisher
    calls = [
        lambda: bridge.publish("superevent", ALERT, key="k"),
        lambda: task.delay("superevent", ALERT, "k"),
        lambda: task.delay(topic="superevent", alert=ALERT, key="k"),
        lambda: task.delay(ALERT, topic="superevent", key="k"),
        lambda: task.apply_async(("superevent", ALERT), {"key": "k"}),
        lambda: task.s("superevent", ALERT, key="k").delay(),
        lambda: task.si("superevent", ALERT, "k").delay(),
        lambda: task.s("superevent", key="k").delay(ALERT),
        lambda: task.s(topic="superevent", key="k").apply_async((ALERT,)),
    ]
    found = []
    for call in calls:
        call()
        found.append(queued(app)[1])
    assert found == [found[0]] * len(calls)


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        (("superevent",), {}, "needs the alert"),
        ((), {"alert": ALERT}, "needs the topic"),
        (("superevent", ALERT, None, None, False, 5), {}, "not 5"),
        (("superevent", ALERT), {"alert": ALERT}, "alert"),
        (("superevent", ALERT), {"countdown": 5}, "countdown"),
        (("cbc_*", ALERT), {}, "is a pattern"),
    ],
)
def test_calls_that_cannot_be(bridge, args, kwargs, said):
    with pytest.raises(HandlerError, match=said):
        bridge.publisher.delay(*args, **kwargs)
    with pytest.raises(HandlerError):
        bridge.publisher.si(*args, **kwargs)


def test_what_cannot_be_sent_is_refused_at_the_caller(app, bridge):
    for call in (bridge.publish, bridge.publisher.delay, bridge.publisher.s):
        with pytest.raises(SendRefused, match="not of type NoneType"):
            call("superevent", None)


def test_a_signature_for_a_result_to_come_reads_no_settings(app):
    bridge = IGWNAlert(app)
    signature = bridge.publisher.s("superevent", key=True)
    assert bridge._settings is None
    assert signature.kwargs == {"topic": "superevent", "key": True}


def test_a_chain_encodes_bytes_and_models_at_the_caller(app, bridge):
    chain(bridge.publisher.si("a", Blob(b"\xff")), bridge.publisher.si("b", b"\xff")).delay()
    message, kwargs = queued(app)
    (following,) = message.decode()[2]["chain"]
    assert kwargs["parcels"][0]["value"] == {"base64": "/w=="}
    assert following["kwargs"]["parcels"][0]["value"] == {"base64": "/w=="}


def test_the_queue_and_other_options(app, bridge):
    app.conf.igwn_alert_publish_queue = "sends"
    bridge.publish("superevent", ALERT, options={"expires": 60, "task_id": "mine"})
    message, _ = queued(app, "sends")
    assert message.headers["id"] == "mine"
    assert message.headers["expires"]
    bridge.publish("superevent", ALERT, options={"queue": "other"})
    assert queued(app, "other")
    bridge.publisher.delay("superevent", ALERT)
    assert queued(app, "sends")


def test_many_are_one_task(app, bridge):
    bridge.publish_many([("a", ALERT), ("b", [1])])
    _, kwargs = queued(app)
    assert kwargs["many"] is True
    assert [result["topic"] for result in run(bridge, (), kwargs)] == ["a", "b"]


LONG = [("a", {"uid": f"S{number}", "text": "x" * 30_000}) for number in range(5)]


def test_many_long_alerts_are_a_short_message(app, bridge):
    bridge.publish_many(LONG)
    message, kwargs = queued(app)
    assert set(kwargs) == {"deflated", "many"}
    assert len(message.body) < 10_000
    length = len(json.dumps(LONG[0][1]))
    assert message.headers["argsrepr"] == f"(a, {length} characters, and 4 more)"
    assert len(run(bridge, (), kwargs)) == 5
    (records,) = bridge.sender.sent
    alerts = [json.loads(json.loads(record.value)) for record in records]
    assert alerts == [alert for _, alert in LONG]


def test_a_retry_of_long_alerts_sends_what_is_left(app, bridge):
    bridge.sender.answers = [[None, SendFailed("no answer"), None, None, None]]
    bridge.publish_many(LONG)
    with pytest.raises(Retry):
        run(bridge, (), queued(app)[1])
    _, kwargs = queued(app)
    assert set(kwargs) == {"deflated", "many", "progress"}
    assert len(run(bridge, (), kwargs, retries=1)) == 5
    first, second = bridge.sender.sent
    assert second == first[1:2]


def test_a_task_broker_that_is_away(app, bridge):
    app.conf.broker_url = "redis://127.0.0.1:1/"
    app.conf.broker_transport_options = {"max_retries": 0}
    with pytest.raises(TaskBrokerUnavailable):
        bridge.publish("superevent", ALERT, options={"retry": False})


def test_it_sends_what_the_message_holds(bridge):
    found = run(bridge, ("superevent", ALERT))
    assert found["topic"] == "superevent"
    ((record,),) = bridge.sender.sent
    assert record.topic == "gracedb-test.superevent"
    assert record.value == json.dumps(json.dumps(ALERT)).encode()
    assert dict(record.headers)["_sender"] == b"scimma-1"


def test_it_can_be_called_directly(bridge, letters):
    assert bridge.publisher("superevent", ALERT)["topic"] == "superevent"
    bridge.sender.answers = [[SendFailed("no answer")]]
    with pytest.raises(SendFailed, match="no answer"):
        bridge.publisher("superevent", ALERT)
    assert letters == []


def test_a_failure_is_tried_again_with_what_is_left(app, bridge, letters):
    bridge.sender.answers = [[None, SendFailed("no answer")]]
    with pytest.raises(Retry) as caught:
        run(bridge, (["a", "b"], ALERT))
    assert 0.75 <= caught.value.when <= 1
    message, kwargs = queued(app)
    assert (message.headers["id"], message.headers["retries"]) == ("task-1", 1)
    results = run(bridge, (), kwargs, retries=1)
    assert [result["topic"] for result in results] == ["a", "b"]
    first, second = bridge.sender.sent
    assert second == first[1:]
    assert letters == []


def test_after_the_last_try_it_is_a_dead_letter(app, bridge, letters, caplog):
    app.conf.igwn_alert_publish_retries = 2
    bridge.sender.answers = [[None, SendFailed("no answer")]]
    with pytest.raises(SendFailed, match="1 of 2 records were not sent; the first: no answer"):
        run(bridge, (["a", "b"], ALERT), retries=2)
    (letter,) = letters
    assert (letter.reason, letter.topic) == ("send_failed", "gracedb-test.b")
    assert letter.value == bridge.sender.sent[0][1].value
    assert letter.headers == bridge.sender.sent[0][1].headers
    assert "is kept as a dead letter" in caplog.text


def test_what_is_refused_is_settled_while_the_rest_is_tried_again(app, bridge, letters):
    refused = SendRefused("there is no topic a", "gracedb-test.a", "unknown_topic")
    bridge.sender.answers = [[refused, SendFailed("no answer")]]
    with pytest.raises(Retry):
        run(bridge, (["a", "b"], ALERT))
    assert [letter.reason for letter in letters] == ["unknown_topic"]
    _, kwargs = queued(app)
    with pytest.raises(SendRefused, match="1 of 2 records were not sent; the first: there is no"):
        run(bridge, (), kwargs, retries=1)
    assert len(bridge.sender.sent[1]) == 1
    assert len(letters) == 1


def test_without_a_line_everything_is_refused(bridge, letters):
    bridge.sender.answers = [SendRefused("nothing can be sent: no password", code="config")]
    with pytest.raises(SendRefused, match="nothing can be sent"):
        run(bridge, ("superevent", ALERT))
    (letter,) = letters
    assert letter.reason == "config"


def test_the_result_of_another_task_that_is_no_alert(bridge, letters):
    with pytest.raises(SendRefused, match="not of type NoneType"):
        run(bridge, (None,), {"topic": "superevent"})
    with pytest.raises(HandlerError, match="is a pattern"):
        run(bridge, (ALERT,), {"topic": "cbc_*"})
    assert [(letter.reason, letter.value) for letter in letters] == [
        ("not_json", b"None"),
        ("bad_topic", repr(ALERT).encode()),
    ]


def test_a_dead_letter_that_cannot_be_kept_is_tried_again_and_nothing_else(
    app, bridge, letters, monkeypatch
):
    def fail(*_):
        raise TaskBrokerUnavailable("away")

    refused = SendRefused("no", code="unknown_topic")
    bridge.sender.answers = [[None, refused], [refused]]
    with monkeypatch.context() as patch:
        patch.setattr(attempt, "keep_letter", fail)
        with pytest.raises(Retry):
            run(bridge, (["a", "b"], ALERT), retries=10_000)
    _, kwargs = queued(app)
    with pytest.raises(SendRefused):
        run(bridge, (), kwargs, retries=10_001)
    # What Kafka has acknowledged is not sent again.
    first, second = bridge.sender.sent
    assert second == first[1:]
    assert [letter.reason for letter in letters] == ["unknown_topic"]


def test_a_result_that_is_no_alert_and_cannot_be_kept_puts_the_task_back(bridge, monkeypatch):
    def fail(*_):
        raise TaskBrokerUnavailable("away")

    monkeypatch.setattr(attempt, "keep_letter", fail)
    with pytest.raises(Reject) as caught:
        run(bridge, (None,), {"topic": "superevent"})
    assert caught.value.requeue is True


def test_wrong_settings_put_the_task_back(app, bridge, caplog):
    app.conf.igwn_alert_port = "abc"
    with pytest.raises(Reject) as caught:
        run(bridge, ("superevent", ALERT))
    assert caught.value.requeue is True
    assert "is put back: igwn_alert_port = 'abc'" in caplog.text
    with pytest.raises(SettingsError):
        bridge.publisher("superevent", ALERT)


def test_whatever_fails_leaves_a_dead_letter(bridge, letters):
    bridge.sender.answers = [ZeroDivisionError("a fault")]
    with pytest.raises(SendRefused, match="unexpected ZeroDivisionError: a fault"):
        run(bridge, ("superevent", ALERT))
    assert [letter.reason for letter in letters] == ["unexpected"]


def test_a_retry_that_cannot_be_queued_puts_the_task_back(bridge, monkeypatch):
    def fail(*_, **__):
        raise OSError("away")

    monkeypatch.setattr(Task, "apply_async", fail)
    bridge.sender.answers = [[SendFailed("no answer")]]
    with pytest.raises(Reject) as caught:
        run(bridge, ("superevent", ALERT))
    assert caught.value.requeue is True


def test_an_app_without_a_name_keeps_dead_letters_too(tmp_path, caplog):
    app = Celery(broker="memory://", set_as_current=False)
    bridge = IGWNAlert(app, noauth=True, state_dir=str(tmp_path))
    bridge.sender = StandIn()
    bridge.sender.answers = [[SendRefused("no", code="unknown_topic")]]
    with caplog.at_level(logging.ERROR), pytest.raises(SendRefused):
        run(bridge, ("superevent", ALERT))
    assert "is kept as a dead letter" in caplog.text


def test_eager_tasks_send_at_once(app, bridge):
    app.conf.task_always_eager = True
    assert bridge.publish("superevent", ALERT).get()["topic"] == "superevent"


def test_the_status_counts_what_was_sent(app):
    bridge = IGWNAlert(app, noauth=True)
    bridge.sender.counters["sent"] += 2
    assert bridge.status()["counters"] == {"sent": 2}


def test_pauses_double_and_end():
    pauses = [attempt.pause_s(retries, 60.0) for retries in range(100)]
    for retries, pause in enumerate(pauses[:6]):
        assert 0.75 * 2**retries <= pause <= 2**retries
    assert all(45 <= pause <= 60 for pause in pauses[6:])
