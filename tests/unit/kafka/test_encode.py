# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import json
import uuid

import pytest
from hop.io import Producer
from hop.models import AvroBlob, Blob, JSONBlob, VOEvent
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.errors import SendRefused
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.kafka.encode import encode, plain_headers
from igwn_alert_celery.record import Record

ALERT = {"uid": "S230518h", "alert_type": "new", "data": {}, "object": {"labels": ["ä"]}}
VOEVENT = """<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0"
 ivorn="ivo://x/y#1" role="test" version="2.0"><Who/></voe:VOEvent>"""
TEXT = st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def decoded(content, **options):
    value, headers = encode(content, **options)
    return decode(Record("gracedb.x", 0, 0, 0, None, value, headers), max_bytes=10**7)


@pytest.mark.parametrize("content", [ALERT, json.dumps(ALERT), json.dumps(ALERT).encode()])
def test_the_value_is_what_gracedb_writes(content):
    # GraceDB hands igwn-alert the JSON as text, and hop packs a text as JSON once more.
    expected, _ = Producer.pack(json.dumps(ALERT))
    value, _ = encode(content)
    assert value == expected
    assert json.loads(json.loads(value)) == ALERT


def test_the_headers_are_those_of_hop_in_its_order(monkeypatch):
    class Auth:
        username = "scimma-1"

    expected_value, expected = Producer.pack(
        json.dumps(ALERT), headers={"a": b"b"}, test=True, auth=Auth()
    )
    record_id = dict(expected)["_id"]
    found = encode(ALERT, headers={"a": "b"}, test=True, record_id=record_id, sender="scimma-1")
    assert found == (expected_value, tuple(expected))


def test_without_an_id_there_is_a_new_one_each_time():
    ids = {dict(encode(ALERT)[1])["_id"] for _ in range(10)}
    assert len(ids) == 10
    assert all(uuid.UUID(bytes=each).version == 4 for each in ids)


def test_the_plain_format():
    value, headers = encode(ALERT, wire_format="object")
    assert json.loads(value) == ALERT
    assert dict(headers)["_format"] == b"json"


@pytest.mark.parametrize("wrappings", [1, 2, 3])
def test_json_that_is_wrapped_already_is_wrapped_once(wrappings):
    text = json.dumps(ALERT)
    for _ in range(wrappings):
        text = json.dumps(text)
    assert encode(text)[0] == encode(ALERT)[0]


def test_a_text_keeps_its_own_spelling():
    text = '{"a": 1.10, "a": 2,  "b": "\\u00e4"}'
    assert json.loads(encode(text)[0]) == text
    assert encode(text, wire_format="object")[0] == text.encode()


@pytest.mark.parametrize("model", [JSONBlob(ALERT), JSONBlob("text"), Blob(b"\x00\xff")])
def test_a_hop_model_goes_as_it_is(model):
    value, headers = encode(model)
    packed = model.serialize()
    assert (value, dict(headers)["_format"]) == (packed["content"], packed["format"].encode())


def test_models_of_other_formats_come_back():
    assert decoded(AvroBlob([{"a": 1}])).content == {"content": [{"a": 1}], "format": "avro"}
    found = decoded(VOEvent.load(VOEVENT)).content
    assert found["format"] == "voevent"
    assert found["content"]["ivorn"] == "ivo://x/y#1"


@pytest.mark.parametrize("content", [b"\x00\xff", b"no json", b"[1"])
def test_other_bytes_go_as_a_blob(content):
    value, headers = encode(content)
    assert (value, dict(headers)["_format"]) == (content, b"blob")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "not of type NoneType"),
        (5, "not of type int"),
        ({1, 2}, "not of type set"),
        ("no json", "not_json"),
        ("", "not_json"),
        (b"", "Blob is empty"),
        (VOEvent("ivo://x/y#1"), "VOEvent is empty"),
        ({"a": object()}, "no JSON form"),
        ({"a": b"b"}, "no JSON form"),
        ("[" * 500 + "]" * 500, "too_deep"),
        ({(1, 2): 3}, "no JSON form"),
    ],
)
def test_what_has_no_such_form_is_refused(content, said):
    with pytest.raises(SendRefused, match=said):
        encode(content)


def test_what_holds_itself_is_refused():
    alert = {}
    alert["alert"] = alert
    with pytest.raises(SendRefused, match="no JSON form"):
        encode(alert)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SendRefused, match="too deep"):
        encode(deep)


def test_a_model_that_fails_is_refused():
    with pytest.raises(SendRefused, match="AvroBlob cannot be packed"):
        encode(AvroBlob(object()))


@pytest.mark.parametrize("wire_format", ["gracedb", "object"])
@given(alert=st.dictionaries(TEXT, JSON, max_size=4))
def test_any_object_comes_back_from_our_own_decoder(wire_format, alert):
    assert decoded(alert, wire_format=wire_format).content == alert


@pytest.mark.parametrize("wire_format", ["gracedb", "object"])
@given(alert=st.lists(JSON, max_size=4))
def test_any_list_comes_back_from_our_own_decoder(wire_format, alert):
    found = decoded(alert, wire_format=wire_format).content
    assert found == {"content": alert, "format": "json"}


@given(value=JSON)
def test_listeners_open_any_json_with_one_loads(value):
    payload = json.loads(encode(json.dumps(value))[0])  # as igwn-alert hands it over
    assert json.loads(payload) == value or isinstance(value, str)


@given(content=st.binary(min_size=1))
def test_any_bytes_come_back(content):
    found = decoded(content).content
    assert found


@pytest.mark.parametrize(
    "headers",
    [{"_id": b"x"}, {"_format": "json"}, {1: "a"}, {"a": 1}, [("a",)], 5, "ab", [("_test", "1")]],
)
def test_headers_that_cannot_be(headers):
    with pytest.raises(SendRefused):
        plain_headers(headers)


def test_headers_in_every_form():
    expected = (("a", b"b"), ("c", b"\xff"), ("d", None))
    assert plain_headers({"a": "b", "c": b"\xff", "d": None}) == expected
    assert plain_headers([("a", "b"), ("c", b"\xff"), ("d", None)]) == expected


@pytest.mark.parametrize("name", ["a\ud800", "a\0b"])
def test_header_names_that_kafka_cannot_have(name):
    with pytest.raises(SendRefused, match="has a letter that Kafka cannot have"):
        plain_headers({name: "x"})


@pytest.mark.parametrize("kind", [str, str.encode])
def test_an_escaped_surrogate_in_a_string_has_no_utf_8(kind):
    content = kind(r'"{\"a\": \"x\ud800\"}"')
    with pytest.raises(SendRefused, match="surrogates"):
        encode(content, wire_format="object")
