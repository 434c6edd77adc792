# SPDX-License-Identifier: BSD-3-Clause
"""Subclasses and tests that replace ``open`` by something of theirs go on working."""

import json
import threading
from datetime import timedelta
from types import SimpleNamespace

import confluent_kafka
import pytest
from adc.errors import KafkaException
from hop.models import Blob, JSONBlob, VOEvent

from igwn_alert_celery import client
from igwn_alert_celery.errors import FatalError, NotConnectedError

ALERT = {"uid": "S1"}
TEXT = json.dumps(ALERT)


class Stream:
    """What igwn-alert's code needs of a stream, and no more."""

    def __init__(self, found=()):
        self.found = list(found)
        self.asked = []
        self.written = []
        self.ends = []
        self.stopped = threading.Event()
        self._consumer = SimpleNamespace(stop=self.stopped.set)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, **asked):
        self.asked.append(asked)
        for topic, payload in self.found:
            yield payload, SimpleNamespace(topic=topic)

    def write(self, message):
        self.written.append(message)

    def flush(self):
        self.ends.append("flush")

    def close(self):
        self.ends.append("close")


class Own(client):
    """A program's subclass."""

    def __init__(self, *streams, **options):
        super().__init__(**{"noauth": True, "group": "g", "retry_wait": 0.0, **options})
        self.streams = list(streams)
        self.opened = []

    def open(self, url, mode="r", group_id=None):
        self.opened.append((url, mode, group_id))
        if not self.streams:
            self.stop_listening.set()
            return Stream()
        return self.streams.pop(0)


def heard_by(made, topic="one"):
    heard = []
    made.listen(lambda topic, payload: heard.append((topic, payload)), topic)
    return heard


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (JSONBlob(TEXT), TEXT),
        (JSONBlob(ALERT), ALERT),
        (JSONBlob([ALERT]), [ALERT]),
        (JSONBlob(json.dumps(TEXT)), json.dumps(TEXT)),
        (TEXT, ALERT),
        (TEXT.encode(), ALERT),
    ],
)
def test_a_callback_gets_what_igwn_alert_gives(payload, expected):
    assert heard_by(Own(Stream([("g.one", payload)]))) == [("one", expected)]


@pytest.mark.parametrize("payload", ["no JSON", b"\xff", Blob(b"x"), VOEvent(ivorn="a")])
def test_what_is_no_json_is_handed_over_as_it_is_with_a_warning(payload):
    with pytest.warns(UserWarning, match="no JSON"):
        assert heard_by(Own(Stream([("g.one", payload)]))) == [("one", payload)]


def test_topics_keep_their_dots_and_lose_their_group():
    stream = Stream([("g.cbc.dotted", JSONBlob(TEXT)), ("foreign.a.b", JSONBlob(TEXT))])
    assert [topic for topic, _ in heard_by(Own(stream))] == ["cbc.dotted", "a.b"]


def test_the_stream_is_opened_and_read_as_igwn_alert_does():
    stream = Stream()
    made = Own(stream, consumer_group="c", batch_size=5, batch_timeout=2.5)
    heard_by(made, ["one", "two"])
    assert made.opened[0] == ("kafka://kafka.scimma.org:9092/g.one,g.two", "r", "c")
    half = timedelta(seconds=2.5)
    assert stream.asked == [{"metadata": True, "batch_size": 5, "batch_timeout": half}]
    assert stream.ends == ["close"]


@pytest.mark.parametrize("topic", [None, []])
def test_no_topic_asks_for_all(topic, monkeypatch):
    made = Own(Stream())
    monkeypatch.setattr(made, "get_topics", lambda: ["one", "two"])
    heard_by(made, topic)
    assert made.opened[0][0].endswith("/g.one,g.two")


def test_stop_stops_the_stream_and_ends_listening():
    stream = Stream([("g.one", JSONBlob(TEXT))] * 3)
    made = Own(stream)
    heard = []

    def callback(topic, payload):
        heard.append(payload)
        made.stop()

    made.listen(callback, "one")
    assert heard == [TEXT]
    assert stream.stopped.is_set()
    assert stream.ends == ["close"]


def test_stop_before_listening_does_no_harm():
    made = Own()
    made.stop()
    assert made.stop_listening.is_set()


def test_what_the_callback_raises_comes_through():
    stream = Stream([("g.one", JSONBlob(TEXT))])

    def callback(topic, payload):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Own(stream).listen(callback, "one")
    assert "close" in stream.ends


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_closes_and_exits_with_zero(kind):
    stream = Stream([("g.one", JSONBlob(TEXT))])

    def callback(topic, payload):
        raise kind

    with pytest.raises(SystemExit) as caught:
        Own(stream).listen(callback, "one")
    assert caught.value.code == 0
    assert "close" in stream.ends


def adc_error(fatal):
    error = SimpleNamespace(
        name=lambda: "_FATAL", str=lambda: "text", retriable=lambda: False, fatal=lambda: fatal
    )
    return KafkaException(error)


def confluent_error():
    return confluent_kafka.KafkaException(
        confluent_kafka.KafkaError(confluent_kafka.KafkaError._FATAL, "text", fatal=True)
    )


@pytest.mark.parametrize("error", [adc_error(True), confluent_error(), FatalError("text")])
def test_a_fatal_error_ends_it_unless_asked_to_go_on(error):
    def callback(topic, payload):
        raise error

    streams = [Stream([("g.one", JSONBlob(TEXT))]) for _ in range(5)]
    made = Own(*streams)
    with pytest.raises(type(error)):
        made.listen(callback, "one")
    assert len(made.opened) == 1
    made.retry_on_fatal = True
    with pytest.raises(type(error)):
        made.listen(callback, "one")
    # The third one in a row is the last.
    assert len(made.opened) == 1 + 3
    assert made.stop_listening.is_set()


def test_an_alert_in_between_forgives():
    good, bad = ("g.one", JSONBlob(TEXT)), ("g.one", JSONBlob("bad"))
    streams = [Stream([good, bad]) for _ in range(6)]
    heard = []

    def callback(topic, payload):
        if payload == "bad":
            raise adc_error(True)
        heard.append(payload)

    Own(*streams, retry_on_fatal=True).listen(callback, "one")
    assert heard == [TEXT] * 6


def test_an_error_that_is_not_fatal_opens_another_stream():
    calls = []

    def callback(topic, payload):
        calls.append(payload)
        raise adc_error(False)

    made = Own(*(Stream([("g.one", JSONBlob(TEXT))]) for _ in range(9)))
    made.listen(callback, "one")
    assert len(calls) == 9


@pytest.mark.parametrize(
    ("payload", "pretty", "printed"),
    [
        (JSONBlob(TEXT), False, TEXT),
        (JSONBlob(ALERT), False, str(ALERT)),
        (JSONBlob(TEXT), True, '{\n    "uid": "S1"\n}'),
        (JSONBlob(ALERT), True, '{\n    "uid": "S1"\n}'),
        (JSONBlob("no JSON"), True, "no JSON"),
    ],
)
def test_without_a_callback_it_prints(payload, pretty, printed, capsys):
    Own(Stream([("g.one", payload)]), jsonpp_on=pretty).listen(topic="one")
    assert capsys.readouterr().out == f"New message from topic g.one:\n{printed}\n"


def test_publish_opens_writes_and_closes():
    stream = Stream()
    made = Own(stream)
    made.publish(["one", "two"], TEXT)
    assert made.opened == [("kafka://kafka.scimma.org:9092/g.one,g.two", "w", None)]
    assert (stream.written, stream.ends) == ([TEXT], ["close"])


def test_sessions_are_opened_written_flushed_and_closed():
    one, two = Stream(), Stream()
    made = Own(one, two)
    made.connect(["one", "two"])
    assert made.sessions == {"one": one, "two": two}
    made.publish_to_topic("two", TEXT)
    made.flush_by_topic("two")
    made.disconnect("one")
    assert made.sessions == {"two": two}
    made.disconnect()
    assert (one.ends, two.ends, two.written) == (["close"], ["flush", "close"], [TEXT])


def test_a_session_that_is_not_there_is_told():
    made = Own()
    for call in (lambda: made.publish_to_topic("one", TEXT), lambda: made.flush_by_topic("one")):
        with pytest.raises(RuntimeError, match=r"connect\(\) it first") as caught:
            call()
        assert isinstance(caught.value, NotConnectedError)
    with pytest.warns(UserWarning, match="no session for topic one"):
        made.disconnect("one")


def test_one_session_that_fails_keeps_none_from_being_ended(monkeypatch):
    one, two = Stream(), Stream()
    made = Own(one, two)
    made.connect(["one", "two"])

    def fail():
        raise ZeroDivisionError

    monkeypatch.setattr(one, "close", fail)
    with pytest.raises(ZeroDivisionError):
        made.disconnect()
    assert two.ends == ["close"]


@pytest.mark.parametrize("name", ["get_subscriptions", "subscribe", "unsubscribe", "delete"])
def test_what_igwn_alert_has_given_up_warns(name):
    arguments = ("one",) if "subscribe" in name else ()
    with pytest.warns(DeprecationWarning, match=rf"^{name}\(\) does nothing") as caught:
        getattr(Own(), name)(*arguments)
    assert caught[0].filename == __file__


def test_a_stop_that_comes_while_the_stream_is_opened_is_not_missed():
    class Slow(Own):
        def open(self, url, mode="r", group_id=None):
            self.stop()
            return super().open(url, mode, group_id)

    stream = Stream([("g.one", JSONBlob(TEXT))])
    assert heard_by(Slow(stream)) == []
    assert stream.ends == ["close"]
