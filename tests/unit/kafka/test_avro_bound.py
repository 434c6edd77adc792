# SPDX-License-Identifier: BSD-3-Clause
import datetime as dt
import decimal
import io
import json
import time
import uuid
import zlib

import fastavro
import pytest
from hop.models import AvroBlob
from hypothesis import given, settings
from hypothesis import strategies as st

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.avro_bound import count_records

MOST = 4_000_000
LINKED = {
    "type": "record",
    "name": "Link",
    "fields": [{"name": "next", "type": ["null", "Link"]}],
}


def record(name, *types):
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


EVERYTHING = record(
    "Everything",
    ["null", "string"],
    {"type": "array", "items": "double"},
    {"type": "map", "values": {"type": "array", "items": "boolean"}},
    {"type": "enum", "name": "Kind", "symbols": ["A", "B"]},
    {"type": "fixed", "name": "Four", "size": 4},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    {"type": "string", "logicalType": "uuid"},
    {"type": "array", "items": "Four"},
    "float",
    "int",
    "bytes",
    LINKED,
)
VALUE = {
    "f0": "text",
    "f1": [1.5, 2.5],
    "f2": {"a": [True], "b": []},
    "f3": "B",
    "f4": b"1234",
    "f5": dt.datetime(2023, 5, 18, tzinfo=dt.timezone.utc),
    "f6": decimal.Decimal("1.25"),
    "f7": uuid.UUID(int=1),
    "f8": [b"abcd"],
    "f9": 0.5,
    "f10": -(2**31),
    "f11": bytes(100),
    "f12": {"next": {"next": None}},
}


def written(schema, records, codec="null"):
    file = io.BytesIO()
    fastavro.writer(file, schema, records, codec=codec, sync_interval=100)
    return file.getvalue()


def number(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def made(schema, payload, count=1, codec=b"null", blocks=1):
    """Return a file that no writer would write."""
    text = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    meta = number(2) + b"".join(
        number(len(part)) + part for part in (b"avro.schema", text, b"avro.codec", codec)
    )
    block = number(count) + number(len(payload)) + payload + b"s" * 16
    return b"Obj\x01" + meta + number(0) + b"s" * 16 + block * blocks


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_real_files_are_counted(codec, count):
    data = written(EVERYTHING, [VALUE] * count, codec)
    assert count_records(data, MOST) == count
    assert len(list(fastavro.reader(io.BytesIO(data)))) == count


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=1) | st.dictionaries(st.text(), inner, max_size=1),
        max_leaves=5,
    )
)
def test_what_hop_writes_is_counted(value):
    try:
        data = AvroBlob(content={"a": value}).serialize()["content"]
    except Exception:  # noqa: BLE001 - hop cannot find a schema for everything
        return
    assert count_records(data, MOST) == 1


def blocks_with_sizes():
    """Return an array in the form with a negative count and a size in bytes."""
    return number(-2) + number(2) + b"\x02\x04" + number(0)


def test_the_other_form_of_a_block_is_read():
    assert count_records(made({"type": "array", "items": "int"}, blocks_with_sizes()), MOST) == 1


BOMBS = {
    "linked list": (made(LINKED, b"\x02" * 3_000_000), "too_deep"),
    "endless record": (made(record("R", "R"), b""), "too_deep"),
    "array of nulls": (
        made({"type": "array", "items": "null"}, number(10**9) + number(0)),
        "too_large",
    ),
    "records of nothing": (made(record("E"), b"", count=10**12), "too_large"),
    "compressed values": (
        made(
            {"type": "array", "items": "int"},
            deflated(number(1_900_000) + bytes(1_900_001)),
            codec=b"deflate",
        ),
        "too_large",
    ),
    "compressed block": (made("null", deflated(bytes(9_000_000)), codec=b"deflate"), "too_large"),
    "compressed blocks": (
        made("null", deflated(bytes(3_000_000)), codec=b"deflate", blocks=100),
        "too_large",
    ),
    "long decimal": (
        made(
            {"type": "bytes", "logicalType": "decimal", "precision": 9},
            number(1_000_000) + bytes(1_000_000),
        ),
        "too_large",
    ),
    "long fixed decimal": (
        made(
            {
                "type": "fixed",
                "name": "F",
                "size": 1_000_000,
                "logicalType": "decimal",
                "precision": 9,
            },
            bytes(1_000_000),
        ),
        "too_large",
    ),
    "deep schema": (
        made(b'{"type":"array","items":' * 300 + b'"null"' + b"}" * 300, b"\0"),
        "too_deep",
    ),
}


def doubling(levels):
    schema = record("r0", "null", "null")
    for level in range(1, levels):
        schema = record(f"r{level}", schema, f"r{level - 1}")
    return schema


BOMBS["doubling records"] = (made(doubling(50), b""), "too_large")


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_poison_within_a_bounded_time(name):
    data, reason = BOMBS[name]
    began = time.thread_time()
    with pytest.raises(PoisonRecord) as caught:
        count_records(data, MOST)
    assert caught.value.reason == reason
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no avro",
        made("int", b""),
        made("string", number(-5)),
        made("string", number(10**9)),
        made(["null", "int"], b"\x04"),
        made({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
        made("long", b"\xff" * 20),
        made("long", b"\xff" * 9 + b"\x7f"),
        made("null", b"", codec=b"snappy"),
        made({"type": "int", "__fastavro_parsed__": True}, b"\0"),
        made(b'{"type": "int", "\\u005f_fastavro_parsed__": true}', b"\0"),
    ],
)
def test_wrong_files_are_poison(data):
    with pytest.raises(PoisonRecord) as caught:
        count_records(data, MOST)
    assert caught.value.reason == "undecodable"


WHOLE = written(EVERYTHING, [VALUE] * 3)


@settings(deadline=None)
@given(st.integers(4, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
def test_what_passes_holds_so_many_records(at, new):
    data = WHOLE[:at] + new + WHOLE[at + len(new) :]
    try:
        count = count_records(data, MOST)
    except Exception:  # noqa: BLE001 - decode() turns whatever it is into poison
        return
    try:
        found = list(fastavro.reader(io.BytesIO(data)))
    except Exception:  # noqa: BLE001 - the same
        return
    assert len(found) == count
