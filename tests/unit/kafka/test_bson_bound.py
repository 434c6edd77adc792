# SPDX-License-Identifier: BSD-3-Clause
import datetime as dt
import struct
import time
import uuid

import pytest
from hop import bson
from hypothesis import given, settings
from hypothesis import strategies as st

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.bson_bound import check_bson

NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5)
MOMENTS = st.integers(0, 4_000_000_000).map(
    lambda at: dt.datetime.fromtimestamp(at, dt.timezone.utc)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=5)
    | st.binary(max_size=5)
    | st.uuids()
    | MOMENTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)
STORED = bson.dumps(
    {
        "message": b"text",
        "metadata": {"headers": [("a", b"b")], "at": 1.5, "id": uuid.UUID(int=1), "n": 2**40},
    }
)


def document(elements, size=None):
    return struct.pack("<i", len(elements) + 5 if size is None else size) + elements + b"\0"


@settings(deadline=None)
@given(DOCUMENTS)
def test_what_hop_writes_passes(content):
    check_bson(bson.dumps(content))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\5\0\0",
        document(b"") + b"\0",
        document(b"", size=4),
        document(b"", size=-1),
        document(b"", size=100),
        document(b"\x0a"),  # no name
        document(b"\x0aname"),  # a name without an end
        document(b"\x0ea\0\1\0\0\0\0"),  # a type that nobody writes
        document(b"\x02a\0" + struct.pack("<i", -10) + b"\0"),
        document(b"\x05a\0" + struct.pack("<i", -10) + b"\0"),
        document(b"\x05a\0" + struct.pack("<i", 2**31 - 1) + b"\0"),
        document(b"\x02a\0" + struct.pack("<i", 0)),
        document(b"\x01a\0half"),
        document(b"\x03a\0" + document(b"", size=50)),
        document(b"\x03a\0" + document(b"", size=-4)),
        document(b"\x03a\0\5"),
    ],
)
def test_wrong_lengths_are_poison(data):
    with pytest.raises(PoisonRecord) as caught:
        check_bson(data)
    assert caught.value.reason == "undecodable"


def test_too_deep():
    data = document(b"")
    for _ in range(60):
        data = document(b"\x03a\0" + data)
    with pytest.raises(PoisonRecord, match="deeper"):
        check_bson(data)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.tuples(st.integers(0, len(STORED) - 1), st.binary(max_size=6)))
def test_what_passes_is_read_to_its_end(change):
    data = change
    if isinstance(change, tuple):
        at, new = change
        data = STORED[:at] + new + STORED[at + len(new) :]
    try:
        check_bson(data)
    except PoisonRecord as exc:
        assert exc.reason == "undecodable"
        return
    try:
        bson.loads(data)
    except (ValueError, OverflowError, TypeError, OSError) as exc:
        assert "null-terminator" not in str(exc)  # a wrong text, date, UUID or class


@pytest.mark.parametrize("element", [b"\x0a\0", b"\x03\0" + document(b""), b"\x05\0\0\0\0\0\0"])
def test_many_elements_take_a_bounded_time(element):
    data = document(element * (600_000 // len(element)))
    began = time.thread_time()
    check_bson(data)
    assert time.thread_time() - began < 5
