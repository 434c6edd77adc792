# SPDX-License-Identifier: BSD-3-Clause
"""Confirmations on a real channel of py-amqp, which a stand-in for the server answers."""

import struct
from contextlib import nullcontext
from types import SimpleNamespace

import amqp
import pytest
from amqp import spec
from hypothesis import given
from hypothesis import strategies as st
from kombu.transport import pyamqp

from igwn_alert_celery.enqueue import confirms as module
from igwn_alert_celery.enqueue.confirms import Confirms, knows

ANSWERS = {spec.Channel.Open: spec.Channel.OpenOk, spec.Confirm.Select: spec.Confirm.SelectOk}


class Server:
    """What a channel sees of its connection; ``answers`` are read one by one, in their order."""

    def __init__(self):
        self.channels, self.client_properties = {}, {}
        self._used_channel_ids = [1]
        self.confirm_publish = True
        self.transport = SimpleNamespace(having_timeout=lambda timeout: nullcontext())
        self.got, self.answers = [], []

    def _get_free_channel_id(self):
        return 1

    def frame_writer(self, kind, channel_id, method, arguments, content):
        self.got.append((method, content))
        if method in ANSWERS:
            self.answers.append((ANSWERS[method], b"", None))

    def drain_events(self, timeout=None):
        if not self.answers:
            raise TimeoutError
        method, payload, content = self.answers.pop(0)
        self.channels[1].dispatch_method(method, b"\0\0\0\0" + payload, content)

    def channel(self):
        opened = pyamqp.Channel(self)
        opened.open()
        return opened

    def ack(self, tag, multiple=False):
        self.answers.append((spec.Basic.Ack, struct.pack(">QB", tag, multiple), None))

    def nack(self, tag, multiple=False):
        self.answers.append((spec.Basic.Nack, struct.pack(">QB", tag, multiple), None))

    def give_back(self, **properties):
        arguments = struct.pack(">H", 312) + b"\0" * 3  # the code, and three empty texts
        self.answers.append((spec.Basic.Return, arguments, amqp.Message("", **properties)))

    @property
    def bodies(self):
        return [content.body for method, content in self.got if method == spec.Basic.Publish]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def confirms(server):
    return Confirms(server)


def publish(confirms, *task_ids, body=b"body", **properties):
    for task_id in task_ids:
        confirms.task_id = task_id
        message = amqp.Message(body, **{"correlation_id": task_id, **properties})
        confirms.channel.basic_publish(message, exchange="", routing_key="celery", mandatory=True)


def read(server):
    while server.answers:
        server.drain_events()


def test_nobody_waits_where_py_amqp_would(server, confirms):
    publish(confirms, "a", "b", "c")
    assert server.bodies == [b"body"] * 3
    assert confirms.unconfirmed() == {"a", "b", "c"}


def test_that_py_amqp_would_is_why_its_method_is_replaced():
    """Should py-amqp do it in another way, this file and ``confirms.py`` have to be looked at."""
    channel = Server().channel()
    assert channel.basic_publish.__func__ is amqp.Channel.basic_publish_confirm
    assert type(channel).basic_publish is not amqp.Channel.basic_publish_confirm
    with pytest.raises(TimeoutError):
        channel.basic_publish(amqp.Message("body"))


def test_only_its_channels_are_known(server):
    assert knows(server.channel())
    assert not knows(SimpleNamespace())


def test_one_is_confirmed_or_all_up_to_one(server, confirms):
    publish(confirms, *"abcdef")
    server.ack(2)
    read(server)
    assert confirms.unconfirmed() == set("acdef")
    server.ack(4, multiple=True)
    read(server)
    assert confirms.unconfirmed() == set("ef")
    server.ack(6)
    server.ack(5)
    confirms.wait()
    assert confirms.unconfirmed() == set()
    assert not confirms.refused


def test_what_a_queue_refuses_is_not_confirmed(server, confirms):
    publish(confirms, *"abc")
    server.ack(1)
    server.nack(3, multiple=True)
    confirms.wait()
    assert confirms.refused
    assert confirms.unconfirmed() == set("bc")


def test_what_is_given_back_is_not_confirmed_although_it_is_acknowledged(server, confirms):
    publish(confirms, *"abc")
    server.give_back(correlation_id="b")
    server.ack(3, multiple=True)
    confirms.wait()
    assert confirms.unconfirmed() == {"b"}
    assert not confirms.refused


@pytest.mark.parametrize("properties", [{"correlation_id": "another"}, {}])
def test_what_cannot_be_told_apart_is_not_confirmed(server, confirms, properties):
    publish(confirms, *"abc", correlation_id="mine")
    server.ack(1)
    server.give_back(**properties)
    server.ack(3, multiple=True)
    confirms.wait()
    assert confirms.unconfirmed() == set("bc")


def test_a_task_of_several_messages_is_confirmed_with_the_last_one(server, confirms):
    publish(confirms, "a", "a", "b")
    server.ack(2)
    server.ack(3)
    read(server)
    assert confirms.unconfirmed() == {"a"}


def test_more_than_may_be_on_its_way_waits(server, confirms, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    publish(confirms, "a", body=b"x" * 50)  # alone, whatever its size
    with pytest.raises(TimeoutError):
        publish(confirms, "b")
    server.ack(1)
    publish(confirms, "b", "c")
    with pytest.raises(TimeoutError):
        publish(confirms, "d")
    server.ack(2)
    publish(confirms, "d")
    assert confirms.unconfirmed() == {"c", "d"}


def test_a_channel_that_was_closed_confirms_nothing_any_more(server, confirms):
    publish(confirms, "a")
    confirms.lost = True
    confirms.wait()
    assert confirms.unconfirmed() == {"a"}


def test_a_connection_that_is_gone(confirms):
    publish(confirms, "a")
    confirms.channel.collect()
    with pytest.raises(amqp.RecoverableConnectionError):
        confirms.wait()


@given(
    st.lists(st.tuples(st.sampled_from(["ack", "nack"]), st.integers(0, 9), st.booleans())),
)
def test_only_what_was_acknowledged_is_confirmed(answers):
    server = Server()
    confirms = Confirms(server)
    tags = range(1, 9)
    publish(confirms, *map(str, tags))
    fates = dict.fromkeys(tags)
    for kind, tag, multiple in answers:
        getattr(server, kind)(tag, multiple)
        for one in tags:
            if (one == tag or (multiple and one < tag)) and fates[one] is None:
                fates[one] = kind
    read(server)
    assert confirms.unconfirmed() == {str(tag) for tag in tags if fates[tag] != "ack"}
    assert confirms.refused == ("nack" in {kind for kind, *_ in answers})
