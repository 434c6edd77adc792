# SPDX-License-Identifier: BSD-3-Clause
import pytest
from celery import Celery

from igwn_alert_celery import Alert, IGWNAlert
from igwn_alert_celery.errors import ConfigError, HandlerError
from igwn_alert_celery.handlers import Registry, Subscription


def match(alert, topic="superevent", age_s=0.0, **filters):
    registry = Registry()
    registry.add(Subscription.build("task", ["superevent", "cbc_*"], **filters))
    return registry.match(topic, Alert(alert), age_s)


@pytest.mark.parametrize(
    ("filters", "alert", "taken"),
    [
        ({}, {}, True),
        ({"alert_type": "new"}, {"alert_type": "new"}, True),
        ({"alert_type": "new"}, {"alert_type": "log"}, False),
        ({"alert_type": {"new", "log"}}, {"alert_type": "log"}, True),
        ({"labels": {"A"}}, {"object": {"labels": ["A", "B"]}}, True),
        ({"labels": {"A", "C"}}, {"object": {"labels": ["A", "B"]}}, False),
        ({"labels": {"A"}}, {"object": []}, False),
        ({"where": lambda alert: alert.uid == "S1"}, {"uid": "S1"}, True),
        ({"where": lambda alert: alert["missing"]}, {}, True),
    ],
)
def test_filters(filters, alert, taken):
    assert match(alert, **filters).tasks == (("task",) if taken else ())


def test_patterns_and_topics():
    assert match({}, "cbc_gstlal").tasks == ("task",)
    assert match({}, "burst_cwb").tasks == ()


def test_an_alert_that_is_too_old_is_told_apart():
    assert match({}, age_s=11, max_age_s=10).expired == ("task",)
    assert match({}, age_s=9, max_age_s=10).tasks == ("task",)


@pytest.fixture
def bridge():
    return IGWNAlert(Celery("followup", broker="memory://"), group="gracedb", noauth=True)


def test_the_decorator_returns_a_task_that_can_be_called(bridge):
    @bridge.handler("superevent")
    @bridge.handler("cbc_*", alert_type="new")
    def handler(alert):
        return type(alert), alert.record, alert.uid

    assert handler({"uid": "S1"}) == (Alert, None, "S1")
    assert handler.acks_late
    assert handler.reject_on_worker_lost
    assert bridge.topics == ("cbc_*", "superevent")
    assert bridge.registry.task_names == (handler.name,)


def test_bound_handlers_and_other_bases_work(bridge):
    class Base(bridge.app.Task):
        abstract = True
        extra = "extra"

    @bridge.handler("superevent", bind=True, base=Base, queue="fast")
    def handler(self, alert):
        return self.extra, alert.uid

    assert handler({"uid": "S1"}) == ("extra", "S1")
    assert handler.queue == "fast"


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((), {}, "name at least one topic"),
        (("gracedb.superevent",), {}, "write 'superevent'"),
        (("super event",), {}, "topic 'super event'"),
        (("superevent",), {"alert_typ": "new"}, "did you mean alert_type"),
        (("superevent",), {"max_age_s": 0}, "max_age_s=0"),
        (("superevent",), {"labels": []}, "would match nothing"),
        ((len,), {}, "name the topic"),
    ],
)
def test_wrong_declarations_refuse_with_the_correction(bridge, arguments, options, text):
    with pytest.raises(HandlerError, match=text):
        bridge.handler(*arguments, **options)(lambda alert: alert)


def test_handlers_before_init_app():
    bridge = IGWNAlert(group="gracedb", noauth=True)

    @bridge.handler("superevent")
    def handler(alert):
        return alert.uid

    with pytest.raises(ConfigError, match="init_app"):
        handler.delay({})
    app = Celery("followup", broker="memory://")
    bridge.init_app(app)
    assert handler({"uid": "S1"}) == "S1"
    assert handler.name in app.tasks
    with pytest.raises(ConfigError, match="already"):
        IGWNAlert(app)


def test_deliver_goes_the_full_way(bridge):
    seen = []
    bridge.app.conf.task_always_eager = True

    @bridge.handler("superevent", alert_type="new")
    def handler(alert):
        seen.append((alert.uid, alert.record.topic, alert.record.offset))

    bridge.deliver("superevent", '"{\\"uid\\": \\"S1\\", \\"alert_type\\": \\"new\\"}"')
    bridge.deliver("superevent", {"uid": "S2", "alert_type": "log"})
    assert seen == [("S1", "superevent", None)]
