# SPDX-License-Identifier: BSD-3-Clause
"""A dead letter is the whole record, also after JSON."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.record import Record

maybe_bytes = st.none() | st.binary(max_size=50)
records = st.builds(
    Record,
    topic=st.text(max_size=20),
    partition=st.integers(-1, 2**31),
    offset=st.integers(-1, 2**53),
    timestamp_ms=st.integers(-1, 2**53),
    key=maybe_bytes,
    value=maybe_bytes,
    headers=st.lists(st.tuples(st.text(max_size=9), maybe_bytes), max_size=3).map(tuple),
)


@given(records, st.text(), st.text(), st.none() | st.text())
def test_it_comes_back_whole(record, error, traceback, handler):
    letter = DeadLetter.from_record(record, "not_json", error, traceback=traceback, handler=handler)
    again = DeadLetter.from_json(letter.to_json())
    assert again == letter
    for name in ("topic", "partition", "offset", "timestamp_ms", "key", "value", "headers"):
        assert getattr(again, name) == getattr(record, name)


def test_each_has_an_id_and_a_time():
    record = Record("t", 0, 0, 0, None, b"")
    letters = [DeadLetter.from_record(record, "empty", "") for _ in range(2)]
    assert letters[0].id != letters[1].id
    assert abs(letters[0].at_ms - time.time() * 1000) < 60_000


def test_its_bytes_are_not_in_its_repr():
    record = Record("t", 0, 0, 0, None, b"s3cret", (("token", b"s3cret"),))
    assert "s3cret" not in repr(DeadLetter.from_record(record, "empty", ""))


def test_fields_of_a_later_version_are_left_out():
    letter = DeadLetter.from_record(Record("t", 0, 0, 0, None, b""), "empty", "")
    text = json.dumps({**json.loads(letter.to_json()), "colour": "red"})
    assert DeadLetter.from_json(text.encode()) == letter


@pytest.mark.parametrize("text", [b"", b"{}", b'{"key": "not base64!"}'])
def test_what_is_no_dead_letter_raises(text):
    with pytest.raises((ValueError, KeyError)):
        DeadLetter.from_json(text)
