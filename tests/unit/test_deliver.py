# SPDX-License-Identifier: BSD-3-Clause
"""IGWNAlert.deliver: the full way of one alert to its tasks, but for Kafka."""

import json
import uuid
import warnings
from contextlib import contextmanager

import pytest
from celery import Celery
from celery.exceptions import CDeprecationWarning
from kombu.exceptions import OperationalError

from igwn_alert_celery import Alert, IGWNAlert, signals
from igwn_alert_celery.errors import ConfigError, HandlerError, PoisonRecord, TaskBrokerUnavailable

INNER = json.dumps({"uid": "S1", "alert_type": "new"})


@pytest.fixture
def app():
    # kombu's memory transport keeps its queues as long as the process lives.
    queue = uuid.uuid4().hex
    return Celery("followup", broker="memory://", task_default_queue=queue, set_as_current=False)


@pytest.fixture
def bridge(app):
    return IGWNAlert(app, group="gracedb", noauth=True)


@pytest.fixture
def seen(bridge):
    """Alerts that a handler of ``superevent`` and ``cbc_*`` was given, at once."""
    alerts = []
    bridge.app.conf.task_always_eager = True

    @bridge.handler("superevent", "cbc_*")
    def handler(alert):
        alerts.append(alert)

    return alerts


@contextmanager
def announced(bridge):
    """Collect the signals of the bridge."""
    found = []

    def received(alert, **_):
        found.append(("received", alert))

    def enqueued(alert, task_ids, **_):
        found.append(("enqueued", alert, task_ids))

    signals.alert_received.connect(received, sender=bridge)
    signals.alert_enqueued.connect(enqueued, sender=bridge)
    yield found
    signals.alert_received.disconnect(received, sender=bridge)
    signals.alert_enqueued.disconnect(enqueued, sender=bridge)


@pytest.mark.parametrize(
    "payload",
    [
        json.loads(INNER),
        Alert(json.loads(INNER)),
        INNER,
        INNER.encode(),
        json.dumps(INNER),
        json.dumps(json.dumps(INNER)),
    ],
    ids=["dict", "Alert", "JSON", "bytes", "GraceDB's", "over-encoded"],
)
def test_every_form_of_an_alert(bridge, seen, payload):
    bridge.deliver("superevent", payload)
    (alert,) = seen
    assert (type(alert), alert.uid, alert.alert_type) == (Alert, "S1", "new")


@pytest.mark.parametrize(
    ("payload", "content"), [([1, 2], [1, 2]), ("5", 5), (None, None), (b'"a text"', "a text")]
)
def test_what_is_no_object(bridge, seen, payload, content):
    bridge.deliver("superevent", payload)
    assert seen == [{"content": content, "format": "json"}]


def test_what_kombu_would_change_arrives_as_it_is(bridge, seen):
    payload = {"a": {"__type__": "datetime", "__value__": "2026-05-18T12:59:08"}}
    bridge.deliver("superevent", payload)
    assert seen == [payload]


def test_the_record_says_that_there_was_none_on_kafka(bridge, seen):
    bridge.deliver("cbc_gstlal", {})
    record = seen[0].record
    assert (record.topic, record.partition, record.offset) == ("cbc_gstlal", None, None)
    assert (record.key, record.id, record.sender, record.redelivered) == (None, None, None, False)
    assert record.age_s < 60


def test_filters_decide(bridge):
    ran = []
    bridge.app.conf.task_always_eager = True

    def handler_of(name, *topics, **filters):
        @bridge.handler(*topics, name=name, **filters)
        def handler(alert):
            ran.append(name)

    handler_of("new", "superevent", alert_type="new")
    handler_of("labelled", "superevent", labels={"EM_READY"})
    handler_of("pattern", "super*", "cbc_*")
    handler_of("far", "cbc_*", where=lambda alert: alert.far is not None and alert.far < 1e-7)
    handler_of("young", "cbc_*", max_age_s=60)
    bridge.deliver("superevent", {"alert_type": "new"})
    bridge.deliver("superevent", {"alert_type": "log", "object": {"labels": ["EM_READY"]}})
    bridge.deliver("cbc_gstlal", {"object": {"far": 1e-9}})
    bridge.deliver("cbc_gstlal", {"object": {"far": 1e-3}})
    bridge.deliver("burst_cwb", {})
    assert ran == [
        *("new", "pattern"),
        *("labelled", "pattern"),
        *("pattern", "far", "young"),
        *("pattern", "young"),
    ]


def test_one_result_a_task_and_one_message_in_its_queue(bridge):
    for name in ("first", "second"):
        bridge.handler("superevent", name=name)(named(name))
    bridge.app.conf.task_routes = {"second": {"queue": "other"}}
    results = bridge.deliver("superevent", {"uid": "S1"})
    with bridge.app.connection_for_read() as connection:
        channel = connection.default_channel
        queues = (bridge.app.conf.task_default_queue, "other")
        messages = [channel.basic_get(queue, no_ack=True) for queue in queues]
    assert [message.headers["task"] for message in messages] == ["first", "second"]
    assert [message.headers["id"] for message in messages] == [result.id for result in results]
    assert messages[0].headers["igwn_alert"]["topic"] == "superevent"
    assert messages[0].headers["argsrepr"] == "(<igwn-alert>,)"
    assert json.loads(messages[0].body)[0] == [{"uid": "S1"}]


def named(name):
    def handler(alert):
        return alert.uid

    handler.__name__ = name
    return handler


def test_a_task_that_is_stacked_gets_an_alert_once(bridge, app):
    ran = []
    app.conf.task_always_eager = True

    @bridge.handler("super*")
    @bridge.handler("superevent", "superevent", alert_type="new")
    def handler(alert):
        ran.append(alert.uid)

    assert len(bridge.deliver("superevent", INNER)) == 1
    assert ran == ["S1"]


def test_signals_are_sent(bridge, seen):
    with announced(bridge) as found:
        (result,) = bridge.deliver("superevent", INNER)
    (received, alert), (enqueued, same, task_ids) = found
    assert (received, enqueued) == ("received", "enqueued")
    assert alert is same
    assert (alert.uid, alert.record.topic) == ("S1", "superevent")
    assert task_ids == (result.id,)


def test_signals_are_sent_before_and_after_the_tasks(bridge, app):
    app.conf.task_always_eager = True
    with announced(bridge) as found:

        @bridge.handler("superevent")
        def handler(alert):
            found.append(("handler", alert))

        bridge.deliver("superevent", INNER)
    assert [item[0] for item in found] == ["received", "handler", "enqueued"]


def test_a_topic_that_no_handler_asks_for(bridge, seen):
    with announced(bridge) as found:
        assert bridge.deliver("burst_cwb", INNER) == []
    assert [item[0] for item in found] == ["received", "enqueued"]
    assert found[1][2] == ()
    assert seen == []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "empty"),
        (b"", "empty"),
        ("hello", "not_json"),
        (b"\xff", "not_json"),
        ('"\ud800"', "not_json"),
        ({"a": {1}}, "not_json"),
        ({1, 2}, "not_json"),
        ("[" * 5000 + "]" * 5000, "too_deep"),
        ({"a": "x" * 2000}, "too_large"),
    ],
)
def test_poison_raises_and_is_announced_to_nobody(bridge, seen, payload, reason):
    bridge.app.conf.igwn_alert_max_bytes = 1000 if reason == "too_large" else 100_000
    with announced(bridge) as found, pytest.raises(PoisonRecord) as caught:
        bridge.deliver("superevent", payload)
    assert caught.value.reason == reason
    assert found == seen == []


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("gracedb.superevent", "carries the group: write 'superevent'"),
        ("cbc_*", "is a pattern: give one topic"),
        ("super event", "topic 'super event'"),
        (None, "topic None"),
        (b"superevent", "topic b'superevent'"),
    ],
)
def test_wrong_topics_are_refused(bridge, seen, topic, text):
    with pytest.raises(HandlerError, match=text.replace("*", r"\*")):
        bridge.deliver(topic, {})
    assert seen == []


def test_modules_with_handlers_are_imported_once(bridge, app, monkeypatch):
    imported = []
    app.conf.include = ["handlers_of_this_test"]
    app.conf.task_always_eager = True

    def import_module(name, **_):
        imported.append(name)
        bridge.handler("superevent")(named("included"))

    monkeypatch.setattr(app.loader, "import_module", import_module)
    assert [len(bridge.deliver("superevent", {})) for _ in range(2)] == [1, 1]
    assert imported == ["handlers_of_this_test"]


def test_an_app_that_must_be_finalized_by_hand(app):
    app = Celery("followup", broker="memory://", set_as_current=False, autofinalize=False)
    bridge = IGWNAlert(app, noauth=True)
    bridge.handler("cbc_*")(bridge.handler("superevent")(named("handler")))
    with pytest.raises(RuntimeError, match="not finalized"):
        bridge.deliver("superevent", {})
    app.finalize()
    assert len(bridge.deliver("superevent", {})) == 1


def test_a_task_broker_that_is_away(bridge, monkeypatch):
    def apply(*_, **__):
        raise OperationalError("refused")

    monkeypatch.setattr("igwn_alert_celery.enqueue.publish.apply", apply)
    bridge.handler("superevent")(named("handler"))
    with announced(bridge) as found:
        with pytest.raises(TaskBrokerUnavailable, match="does not answer: refused"):
            bridge.deliver("superevent", {})
        assert [item[0] for item in found] == ["received"]


def test_a_task_that_no_queue_takes(bridge):
    bridge.handler("superevent", name="m.handler", exchange="nobody", routing_key="x")(named("h"))
    with announced(bridge) as found:
        with pytest.raises(ConfigError, match=r"m\.handler: no queue takes it: exchange 'nobody'"):
            bridge.deliver("superevent", {})
        assert [item[0] for item in found] == ["received"]


def test_the_options_queue_and_priority_still_work(bridge):
    @bridge.handler("superevent", queue="fast", priority=3)
    def handler(alert):
        return alert.uid

    with warnings.catch_warnings():
        # Celery 5.7 announces the end of them.
        warnings.simplefilter("ignore", CDeprecationWarning)
        bridge.app.finalize()
    bridge.deliver("superevent", {})
    with bridge.app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("fast", no_ack=True)
    assert message.properties["priority"] == 3
