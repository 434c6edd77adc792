# SPDX-License-Identifier: BSD-3-Clause
import json
from datetime import timedelta

import pytest
from hop.io import Producer as HopProducer
from hop.models import Blob, JSONBlob

from igwn_alert_celery.client.writing import Way, WriteStream
from igwn_alert_celery.errors import NotConnectedError, SendFailed, SendRefused
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord
from igwn_alert_celery.kafka.verdict import CREDENTIAL, TOO_LARGE

TEXT = json.dumps({"uid": "S1"})


class Producer:
    """Answers as it is told to; None is no answer."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.queued = []

    def queue(self, record, on_report):
        self.queued.append(record)
        answer = self.answers.pop(0) if self.answers else delivered(record.topic)
        if answer is not None:
            on_report(answer)


def delivered(topic):
    return Delivery(topic, 0, 5, 7, 1.0)


def stream_on(producer, *topics, sender=None, discarded=None, upload=None):
    given = [] if discarded is None else discarded
    return WriteStream(Way(producer, upload), topics or ("g.one",), sender, 0.05, given.append)


@pytest.mark.parametrize("sender", [None, "carol"])
@pytest.mark.parametrize(
    "message", [TEXT, {"uid": "S1"}, [1], "no JSON", b"raw", JSONBlob("x"), Blob(b"y"), None]
)
def test_messages_are_packed_as_hop_packs_them(message, sender):
    producer = Producer()
    stream = stream_on(producer, sender=sender)
    stream.write(message, headers={"a": "b"}, test=True, key="k")
    stream.close()
    auth = type("Auth", (), {"username": sender}) if sender else None
    value, headers = HopProducer.pack(message, headers={"a": b"b"}, test=True, auth=auth)
    (record,) = producer.queued
    assert (record.value, record.key, record.topic) == (value, b"k", "g.one")
    assert [pair for pair in record.headers if pair[0] != "_id"] == [
        pair for pair in headers if pair[0] != "_id"
    ]
    assert [name for name, _ in record.headers] == [name for name, _ in headers]


def test_what_has_no_form_is_refused():
    with pytest.raises(SendRefused):
        stream_on(Producer()).write(object())


def test_a_message_goes_to_every_topic_of_the_stream_or_to_the_one_that_is_named():
    producer = Producer()
    stream = stream_on(producer, "g.one", "g.two")
    stream.write(TEXT)
    stream.write(TEXT, topic="g.three")
    assert [record.topic for record in producer.queued] == ["g.one", "g.two", "g.three"]
    nowhere = WriteStream(Way(producer, None), (), None, 0.05, print)
    with pytest.raises(ValueError, match="name a topic"):
        nowhere.write(TEXT)


def test_flush_raises_what_was_not_delivered_and_forgets_it():
    refused = SendRefused("there is no topic g.one", "g.one", "unknown_topic")
    stream = stream_on(Producer(refused))
    stream.write(TEXT)
    with pytest.raises(SendRefused, match=r"no topic g\.one"):
        stream.flush()
    assert stream.flush() == 0
    assert stream.close() == 0


def test_several_failures_are_counted():
    stream = stream_on(Producer(SendFailed("away", "g.one"), None, SendFailed("away", "g.one")))
    for _ in range(3):
        stream.write(TEXT)
    with pytest.raises(SendFailed, match="3 records were not delivered; the first: away"):
        stream.close()


def test_what_is_not_acknowledged_in_time_is_told_and_may_still_arrive():
    stream = stream_on(Producer(None))
    stream.write(TEXT)
    with pytest.raises(SendFailed, match=r"not acknowledged 1 records within 0\.01 s") as caught:
        stream.flush(timedelta(seconds=0.01))
    assert not caught.value.is_final


def test_a_callback_is_told_how_it_went():
    told = []
    failed = SendFailed("away", "g.one")
    stream = stream_on(Producer(delivered("g.one"), failed))
    for _ in range(2):
        stream.write(TEXT, delivery_callback=lambda *told_us: told.append(told_us))
    assert told == [(None, delivered("g.one")), (failed, None)]


def test_a_producer_whose_credential_was_refused_is_not_used_again():
    discarded = []
    producer = Producer(SendRefused("wrong password", "g.one", CREDENTIAL))
    stream = stream_on(producer, discarded=discarded)
    stream.write(TEXT)
    with pytest.raises(SendRefused):
        stream.close()
    assert [way.producer for way in discarded] == [producer]


def test_a_closed_stream_takes_no_more():
    stream = stream_on(Producer())
    with stream:
        pass
    with pytest.raises(NotConnectedError, match="closed"):
        stream.write(TEXT)


def test_an_error_inside_is_not_hidden_by_what_was_not_delivered():
    stream = stream_on(Producer(SendFailed("away", "g.one")))
    stream.write(TEXT)
    with pytest.raises(ZeroDivisionError), stream:
        raise ZeroDivisionError


TOO_LARGE_ERROR = SendRefused("too large", "g.one", TOO_LARGE)
PLACEHOLDER = OutgoingRecord(topic="g.one", value=b"see there")


def test_what_is_too_large_for_kafka_is_stored_elsewhere_and_told_once():
    stored, told = [], []

    def upload(record):
        stored.append(record.value)
        return PLACEHOLDER

    producer = Producer(TOO_LARGE_ERROR)
    stream = stream_on(producer, upload=upload)
    stream.write(TEXT, delivery_callback=lambda *told_us: told.append(told_us))
    assert told == []
    stream.close()
    assert stored == [json.dumps(TEXT).encode()]
    assert producer.queued[1:] == [PLACEHOLDER]
    assert told == [(None, delivered("g.one"))]


@pytest.mark.parametrize("with_upload", [True, False])
def test_what_is_too_large_and_cannot_be_stored_is_told(with_upload):
    def upload(record):
        raise SendRefused("no server for large ones", "g.one", TOO_LARGE)

    told = []
    stream = stream_on(Producer(TOO_LARGE_ERROR), upload=upload if with_upload else None)
    stream.write(TEXT, delivery_callback=lambda error, _: told.append(error))
    text = "no server" if with_upload else "too large"
    with pytest.raises(SendRefused, match=text):
        stream.close()
    assert [text in str(error) for error in told] == [True]
