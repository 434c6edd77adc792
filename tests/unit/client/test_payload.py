# SPDX-License-Identifier: BSD-3-Clause
"""Records become hop's models, as hop itself makes them, and never an exception."""

import json

import pytest
from hop.io import Deserializer, Producer
from hop.models import AvroBlob, Blob, JSONBlob, VOEvent
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.client.payload import _Message, metadata_of, model_of
from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.record import Record

TEXT = json.dumps({"uid": "S1"})
VOEVENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" version="2.0"
 ivorn="ivo://gwnet/LVC#S1-1" role="test"><Who><Date>2023-05-18</Date></Who></voe:VOEvent>"""
BOMB = b"[" * 100_000 + b"]" * 100_000


def record(value, headers=(), **more):
    given = {"topic": "g.one", "partition": 3, "offset": 5, "timestamp_ms": 7, "key": b"k", **more}
    return Record(**given, value=value, headers=tuple(headers))


@pytest.mark.parametrize(
    "message",
    [
        JSONBlob(TEXT),
        JSONBlob({"uid": "S1"}),
        JSONBlob([1, 2]),
        Blob(b"\xff\x00"),
        AvroBlob([{"a": 1}]),
        VOEvent.load(VOEVENT),
    ],
)
def test_what_hop_packs_is_what_hop_unpacks(message):
    value, headers = Producer.pack(message)
    found, _ = model_of(record(value, headers), None)
    expected = Deserializer.deserialize(_Message(record(value, headers)))
    assert type(found) is type(expected)
    assert found.serialize()["format"] == expected.serialize()["format"]
    assert vars(found) == vars(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TEXT.encode(), JSONBlob({"uid": "S1"})),
        (json.dumps(TEXT).encode(), JSONBlob(TEXT)),
        (b'{"format": "blob", "content": [1]}', JSONBlob([1])),
        (b"no JSON", Blob(b"no JSON")),
    ],
)
def test_records_without_hops_headers(value, expected):
    found, _ = model_of(record(value), None)
    assert (type(found), found.content) == (type(expected), expected.content)


@pytest.mark.parametrize(
    ("value", "name"),
    [(b"\xff", b"json"), (BOMB, b"json"), (None, b"json"), (b"<x", b"voevent"), (b"x", b"avro")],
)
def test_what_hop_cannot_read_is_handed_over_raw_with_a_line_in_the_log(value, name, caplog):
    found, _ = model_of(record(value, [("_format", name)]), None)
    assert isinstance(found, Blob)
    assert found.content == (value or b"")
    assert "g.one[3] offset 5 is handed over as raw bytes" in caplog.text


def test_a_format_that_hop_does_not_know_is_a_blob():
    found, _ = model_of(record(b"x", [("_format", b"new")]), None)
    assert (type(found), found.content) == (Blob, b"x")


@given(st.binary(max_size=200), st.sampled_from([None, *Deserializer.__members__, "json", "new"]))
def test_no_bytes_end_a_listener(value, name):
    headers = [("_format", name.lower().encode())] if name else []
    assert model_of(record(value, headers), _fetch_nothing)[0] is not None


def _fetch_nothing(_url):
    raise PoisonRecord("offload_missing", "it is gone")


def test_a_large_message_is_fetched_and_keeps_its_place():
    inner = record(json.dumps(TEXT).encode(), [("_format", b"json")], key=b"inner", timestamp_ms=8)
    outer = record(b'{"url": "https://x/y"}', [("_format", b"external")])
    found, whole = model_of(outer, lambda url: inner if url == "https://x/y" else None)
    about = metadata_of(whole, outer)
    assert found.content == TEXT
    assert (about.topic, about.partition, about.offset) == ("g.one", 3, 5)
    assert (about.timestamp, about.key, about.headers) == (8, b"inner", [("_format", b"json")])
    assert about._raw is outer


def test_a_large_message_stays_a_reference_where_it_is_not_to_be_fetched():
    found, _ = model_of(record(b'{"url": "https://x/y"}', [("_format", b"external")]), None)
    assert found.url == "https://x/y"
