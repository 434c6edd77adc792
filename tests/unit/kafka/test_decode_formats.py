# SPDX-License-Identifier: BSD-3-Clause
"""What hop-client and igwn-alert put on the wire, byte for byte, and what a handler gets."""

import base64
import dataclasses
import datetime as dt
import decimal
import json
import uuid
from types import SimpleNamespace

import pytest
from hop import models
from hop.io import Producer

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka import decode as decoding
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.record import Record

ALERT = {"uid": "S230518h", "alert_type": "new", "data": {}, "object": {"labels": ["EM_READY"]}}
VOEVENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<voe:VOEvent xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0"
 xsi:schemaLocation="http://www.ivoa.net/xml/VOEvent/v2.0 http://www.ivoa.net/xml/VOEvent-v2.0.xsd"
 ivorn="ivo://gwnet/LVC#S230518h-1-Preliminary" role="observation" version="2.0">
 <Who>
  <Date>2023-05-18T12:59:26</Date>
  <Author><contactName>LIGO Scientific Collaboration, Virgo &amp; KAGRA</contactName></Author>
 </Who>
 <What>
  <Param name="Packet_Type" value="150" dataType="int"/>
  <Param name="FAR" value="3.2e-10" unit="Hz"><Description>rate</Description></Param>
  <Group name="GW_SKYMAP"><Param name="skymap_fits" value="https://example.org/a.fits"/></Group>
 </What>
 <WhereWhen/>
 <Citations><EventIVORN cite="supersedes">ivo://gwnet/LVC#S230518h-0</EventIVORN></Citations>
</voe:VOEvent>"""
CIRCULAR = b"TITLE:   GCN CIRCULAR\nNUMBER:  1\nSUBJECT: S230518h\n\nText."
NOTICE = b"TITLE:  GCN/LVC NOTICE\nNOTICE_TYPE: Initial\nCOMMENTS: one\nCOMMENTS: two\n"


def sent(message, **more):
    """Return the record that hop's producer makes of a message."""
    value, headers = Producer.pack(message, auth=SimpleNamespace(username="carol"), **more)
    return Record("gracedb.superevent", 0, 0, 0, None, value, tuple(headers))


def received(message, **more):
    decoded = decode(sent(message, **more), max_bytes=4_000_000)
    assert json.loads(decoded.json) == decoded.content
    return decoded.content


def unlabelled(value):
    return decode(Record("g.t", 0, 0, 0, None, value), max_bytes=4_000_000).content


def test_gracedb_hands_a_string_to_igwn_alert():
    assert received(json.dumps(ALERT)) == ALERT
    assert sent(json.dumps(ALERT)).value == json.dumps(json.dumps(ALERT)).encode()


def test_a_plain_object():
    assert received(ALERT, test=True, headers={"a": b"b"}) == ALERT


def test_the_command_igwn_alert_send_encodes_the_file_once_more():
    file = json.dumps(ALERT, indent=2)
    assert received(json.dumps(file)) == ALERT


def test_what_hop_publish_makes_of_a_json_file():
    assert received(models.JSONBlob.load(json.dumps(ALERT))) == ALERT
    assert received([1, None]) == {"content": [1, None], "format": "json"}
    assert received("no json inside") == {"content": "no json inside", "format": "json"}


def test_bytes_become_a_blob_in_base64():
    content = {"content": "AP8=", "format": "blob", "encoding": "base64"}
    assert received(b"\x00\xff") == received(models.Blob(b"\x00\xff")) == content


def test_voevent():
    found = received(models.VOEvent.load(VOEVENT))
    assert found["format"] == "voevent"
    event = found["content"]
    assert event["ivorn"] == "ivo://gwnet/LVC#S230518h-1-Preliminary"
    assert event["role"] == "observation"
    assert event["Who"]["Author"]["contactName"].endswith("Virgo & KAGRA")
    assert [param["name"] for param in event["What"]["Param"]] == ["Packet_Type", "FAR"]
    assert event["What"]["Group"]["Param"]["value"] == "https://example.org/a.fits"
    assert event["Citations"]["EventIVORN"]["cite"] == "supersedes"
    assert not any(key.startswith("_") for key in event)


def test_voevent_as_json_of_old_versions_of_hop():
    old = {"ivorn": "ivo://a#b", "role": "test", "Who": {"Date": "2023"}, "What": {}}
    record = Record("g.t", 0, 0, 0, None, json.dumps(old).encode(), (("_format", b"voevent"),))
    found = decode(record, max_bytes=10_000).content["content"]
    assert (found["ivorn"], found["role"], found["Who"]) == ("ivo://a#b", "test", {"Date": "2023"})


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE v [<!ENTITY a "b">]>' + VOEVENT.partition(b"?>\n")[2],
        b'<voe:VOEvent ivorn="a">' + b"<a>" * 5000 + b"</a>" * 5000 + b"</voe:VOEvent>",
        b"<voe:VOEvent/>",
        b"<other/>",
        VOEVENT[:-5],
    ],
)
def test_wrong_voevents_are_poison(xml):
    record = Record("g.t", 0, 0, 0, None, xml, (("_format", b"voevent"),))
    with pytest.raises(PoisonRecord) as caught:
        decode(record, max_bytes=4_000_000)
    assert caught.value.reason in {"undecodable", "too_deep"}


def test_avro():
    content = {"uid": "S1", "far": 1e-10, "map": b"\xff", "labels": ["A"], "sub": {"n": None}}
    expected = {**content, "map": base64.b64encode(b"\xff").decode()}
    assert received(models.AvroBlob(content)) == {"content": expected, "format": "avro"}


def test_avro_with_several_records_is_a_list():
    found = received(models.AvroBlob([{"a": 1}, {"a": 2}], single_record=False))
    assert found == {"content": [{"a": 1}, {"a": 2}], "format": "avro"}


def test_avro_with_types_that_json_has_not():
    fields = {
        "at": {"type": "long", "logicalType": "timestamp-millis"},
        "far": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        "id": {"type": "string", "logicalType": "uuid"},
    }
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }
    moment = dt.datetime(2023, 5, 18, tzinfo=dt.timezone.utc)
    content = {"at": moment, "far": decimal.Decimal("1.25"), "id": uuid.UUID(int=1)}
    found = received(models.AvroBlob(content, schema))["content"]
    assert found == {"at": moment.isoformat(), "far": "1.25", "id": str(uuid.UUID(int=1))}


def test_circular_and_notice():
    circular = received(models.GCNCircular.load(CIRCULAR.decode()))
    assert circular["format"] == "circular"
    assert circular["content"]["header"]["subject"] == "S230518h"
    assert circular["content"]["body"] == "Text."
    notice = received(models.GCNTextNotice.load(NOTICE))
    assert notice["format"] == "gcntextnotice"
    assert notice["content"]["fields"]["comments"] == "one\ntwo"
    assert base64.b64decode(notice["content"]["raw"]) == NOTICE


def envelope(name, content):
    return json.dumps({"format": name, "content": content}).encode()


def test_the_envelope_of_before_the_headers():
    assert unlabelled(envelope("blob", ALERT)) == ALERT  # so JSON was called
    assert unlabelled(envelope("json", json.dumps(ALERT))) == ALERT
    assert unlabelled(envelope("blob", [1])) == {"content": [1], "format": "json"}
    event = unlabelled(envelope("voevent", {"ivorn": "ivo://a#b", "Who": {"Date": "2023"}}))
    assert (event["format"], event["content"]["ivorn"]) == ("voevent", "ivo://a#b")
    circular = unlabelled(envelope("circular", {"header": {"a": "b"}, "body": "c"}))
    assert circular == {"content": {"header": {"a": "b"}, "body": "c"}, "format": "circular"}


@pytest.mark.parametrize(
    "text",
    [
        '{"format": "png", "content": {}}',
        '{"format": 5, "content": {}}',
        '{"format": "voevent", "content": {"no": "voevent"}}',
        '{"format": "circular", "content": [1]}',
        '{"format": "json", "content": {}, "uid": "S1"}',
    ],
)
def test_an_object_that_only_looks_like_an_envelope_is_kept(text):
    assert unlabelled(text.encode()) == json.loads(text)


@pytest.mark.parametrize("form", ["header", "envelope"])
def test_an_external_message_becomes_what_it_stands_for(form):
    inner, seen = sent(json.dumps(ALERT)), []
    outer = sent(models.ExternalMessage("https://host/msg/1"))
    if form == "envelope":
        value = envelope("external", {"url": "https://host/msg/1"})
        outer = Record("g.t", 0, 0, 0, None, value)

    def fetch(url):
        seen.append(url)
        return inner

    assert decode(outer, max_bytes=10_000, fetch=fetch).content == ALERT
    assert seen == ["https://host/msg/1"]


@dataclasses.dataclass
class Position:
    ra: float
    _private: int = 0


class Plugin:
    """A model of somebody's plug-in for hop."""

    content = None

    @classmethod
    def deserialize(cls, data):
        if isinstance(cls.content, Exception):
            raise cls.content
        return cls()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a": {1}}, {"a": [1]}),
        ([Position(1.5)], [{"ra": 1.5}]),
        (dt.timedelta(seconds=90), 90.0),
        (dt.date(2023, 5, 18), "2023-05-18"),
        (SimpleNamespace(tolist=lambda: [1.0]), [1.0]),
        (bytearray(b"\xff"), "/w=="),
        ({"a": memoryview(b"\xff")}, {"a": "/w=="}),
    ],
)
def test_models_of_plugins_become_json(monkeypatch, content, expected):
    monkeypatch.setitem(decoding._MODELS, "plugin", Plugin)
    monkeypatch.setattr(Plugin, "content", content)
    record = Record("g.t", 0, 0, 0, None, b"x", (("_format", b"plugin"),))
    assert decode(record, max_bytes=1000).content["content"] == expected


@pytest.mark.parametrize(
    "content",
    [
        object(),
        {"a": object},
        {(1, 2): 3},
        KeyError("x"),
        AssertionError(),
        MemoryError(),
        OSError(5),
    ],
)
def test_models_of_plugins_may_fail_in_any_way(monkeypatch, content):
    monkeypatch.setitem(decoding._MODELS, "plugin", Plugin)
    monkeypatch.setattr(Plugin, "content", content)
    record = Record("g.t", 0, 0, 0, None, b"x", (("_format", b"plugin"),))
    with pytest.raises(PoisonRecord) as caught:
        decode(record, max_bytes=1000)
    assert caught.value.reason == "undecodable"
