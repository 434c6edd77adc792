# SPDX-License-Identifier: BSD-3-Clause
"""What a handler is given, for each way in which it can be called."""

import json
from contextlib import contextmanager

import pytest
from celery import Celery, Task

from igwn_alert_celery import Alert, IGWNAlert
from igwn_alert_celery.task import HEADER, HandlerTask, handler_base

HEADERS = {"topic": "superevent", "partition": 3, "offset": 7, "timestamp_ms": 5}


@pytest.fixture
def handler():
    app = Celery("followup", broker="memory://", set_as_current=False)
    igwn_alert = IGWNAlert(app, group="gracedb", noauth=True)

    @igwn_alert.handler("superevent")
    def handler(alert, *more, **keywords):
        return alert, more, keywords

    return handler


@contextmanager
def request(task, header, **options):
    """As in a worker, where Celery makes attributes of the message's headers."""
    task.push_request(id="an-id", called_directly=False, **{HEADER: header}, **options)
    try:
        yield
    finally:
        task.pop_request()


def test_a_plain_call_makes_an_alert_of_a_dict(handler):
    alert, more, keywords = handler({"uid": "S1"}, 5, also=6)
    assert isinstance(alert, Alert)
    assert (alert, alert.record, more, keywords) == ({"uid": "S1"}, None, (5,), {"also": 6})


@pytest.mark.parametrize("value", ["text", None, [1]])
def test_a_plain_call_leaves_other_things_alone(handler, value):
    assert handler(value)[0] is value


def test_an_alert_stays_the_same_one(handler):
    alert = Alert({"uid": "S1"})
    assert handler(alert)[0] is alert


def test_the_header_becomes_the_record(handler):
    with request(handler, {**HEADERS, "key": "k", "id": "i", "sender": "s"}):
        record = handler({"uid": "S1"})[0].record
    assert (record.topic, record.partition, record.offset) == ("superevent", 3, 7)
    assert (record.timestamp_ms, record.key, record.id, record.sender) == (5, "k", "i", "s")
    assert record.redelivered is False


@pytest.mark.parametrize(
    ("header", "delivery_info"),
    [({"redelivered": True}, None), ({}, {"redelivered": True})],
)
def test_what_may_have_been_handled_before_says_so(handler, header, delivery_info):
    with request(handler, {**HEADERS, **header}, delivery_info=delivery_info):
        assert handler({})[0].record.redelivered is True


def test_text_is_opened(handler):
    content = {"__type__": "foo", "__value__": [1]}
    with request(handler, {**HEADERS, "text": True}):
        assert handler(json.dumps(content))[0] == content


def test_a_retry_with_another_argument_is_not_opened_again(handler):
    with request(handler, {**HEADERS, "text": True}):
        assert handler({"uid": "S1"})[0] == {"uid": "S1"}


def test_without_arguments_the_handler_itself_complains(handler):
    with request(handler, {**HEADERS, "max_age_s": 1}), pytest.raises(TypeError, match="alert"):
        handler()


class Mine(Task):
    abstract = True
    colour = "red"

    def __call__(self, *args, **kwargs):
        return "mine", super().__call__(*args, **kwargs)


def test_the_users_own_base_is_kept():
    app = Celery("followup", broker="memory://", set_as_current=False)
    igwn_alert = IGWNAlert(app, group="gracedb", noauth=True)

    @igwn_alert.handler("superevent", base=Mine)
    def handler(alert):
        return alert

    assert handler.colour == "red"
    place, alert = handler({"uid": "S1"})
    assert (place, type(alert)) == ("mine", Alert)


def test_bases():
    assert handler_base(None) is HandlerTask
    assert handler_base(Task) is HandlerTask
    own = handler_base(Mine)
    assert issubclass(own, HandlerTask)
    assert issubclass(own, Mine)
    assert handler_base(own) is own
    assert own.__module__ == Mine.__module__
