# SPDX-License-Identifier: BSD-3-Clause
"""Task ids, and whether an alert travels as itself or as JSON text."""

import json
from dataclasses import replace
from unittest.mock import Mock

import pytest
from kombu import serialization
from kombu.exceptions import EncodeError

from igwn_alert_celery.enqueue.batch import PartitionId
from igwn_alert_celery.enqueue.message import ARGSREPR, TaskCall, apply, task_id

PARTITION = PartitionId("cluster", "group", "g.superevent", "topic-id", 3)


def test_the_same_alert_and_handler_always_have_the_same_id():
    # Written down: an id that changes with a version would enqueue everything anew.
    assert task_id(PARTITION, 7, "m.f") == "300ad40e-bbc8-5e5b-8ea3-eec093336ced"


@pytest.mark.parametrize(
    "other",
    [
        (replace(PARTITION, cluster_id="x"), 7, "m.f"),
        (replace(PARTITION, consumer_group="x"), 7, "m.f"),
        (replace(PARTITION, topic_id="x"), 7, "m.f"),
        (replace(PARTITION, partition=4), 7, "m.f"),
        (PARTITION, 8, "m.f"),
        (PARTITION, 7, "m.g"),
    ],
)
def test_others_have_another(other):
    assert task_id(*other) != task_id(PARTITION, 7, "m.f")


def test_the_topics_name_counts_only_without_an_id():
    renamed = replace(PARTITION, topic="g.other")
    assert task_id(renamed, 7, "m.f") == task_id(PARTITION, 7, "m.f")
    nameless, other = (replace(one, topic_id="") for one in (PARTITION, renamed))
    assert task_id(nameless, 7, "m.f") != task_id(other, 7, "m.f")


def task(serializer, refuses=()):
    def apply_async(args, **options):
        if isinstance(args[0], refuses):
            raise EncodeError("cannot")
        sent.append((args[0], options))

    sent = []
    made = Mock(serializer=serializer, apply_async=apply_async)
    return made, sent


def send(made, content=None, **options):
    content = {"uid": "S1"} if content is None else content
    call = TaskCall(made, "an-id", {"topic": "superevent"}, content, b"", options.pop("safe", True))
    apply(call, "header", "producer", **options)


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_it_travels_as_itself(serializer):
    made, sent = task(serializer)
    send(made, mandatory=True)
    ((argument, options),) = sent
    assert argument == {"uid": "S1"}
    assert options["headers"] == {"header": {"topic": "superevent"}}
    assert (options["task_id"], options["producer"], options["argsrepr"]) == (
        "an-id",
        "producer",
        ARGSREPR,
    )
    assert (options["retry"], options["add_to_parent"], options["mandatory"]) == (
        False,
        False,
        True,
    )


def assert_text(sent, content):
    ((argument, options),) = sent
    assert json.loads(argument) == content
    assert argument.isascii()
    assert options["headers"] == {"header": {"topic": "superevent", "text": True}}


def test_what_kombu_would_change_travels_as_text():
    made, sent = task("json")
    send(made, {"__type__": "foo", "__value__": "é"}, safe=False)
    assert_text(sent, {"__type__": "foo", "__value__": "é"})


def test_what_the_serializer_refuses_travels_as_text():
    made, sent = task("json", refuses=dict)
    send(made, {"a": "\ud800"})
    assert_text(sent, {"a": "\ud800"})


def test_a_serializer_that_is_not_known_to_be_exact_gets_text():
    made, sent = task("yaml")
    send(made)
    assert_text(sent, {"uid": "S1"})


def test_another_serializer_under_a_known_name_is_found_out(monkeypatch):
    from igwn_alert_celery.enqueue import message

    def strict(value):
        return json.dumps(value).replace("NaN", "null")

    kind = ("application/json", "utf-8", strict)
    monkeypatch.setitem(serialization.registry._encoders, "json", serialization.codec(*kind))
    message._is_exact.cache_clear()
    try:
        made, sent = task("json")
        send(made)
        assert_text(sent, {"uid": "S1"})
    finally:
        message._is_exact.cache_clear()


def test_the_header_of_the_call_is_left_alone():
    made, _ = task("json")
    header = {"topic": "superevent"}
    apply(TaskCall(made, "an-id", header, {}, b"", False), "header", None)
    assert header == {"topic": "superevent"}


def test_the_argument_is_read_from_its_text_where_nobody_has_needed_it():
    text = b'{"uid": "S1", "far": NaN, "n": 123456789012345678901}'
    call = TaskCall(Mock(), "an-id", {}, None, text, True)
    assert repr(call.argument) == "{'uid': 'S1', 'far': nan, 'n': 123456789012345678901}"
    content = {"uid": "S2"}
    assert TaskCall(Mock(), "an-id", {}, content, text, True).argument is content
