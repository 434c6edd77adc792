# SPDX-License-Identifier: BSD-3-Clause
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.json import loads as kombu_loads

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.record import Record

ALERT = {"uid": "S1", "alert_type": "new", "object": {"labels": []}}
OBJECTS = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
)


def run(value, fmt=None, max_bytes=4_000_000):
    headers = () if fmt is None else (("_format", fmt),)
    return decode(Record("g.t", 0, 0, 0, None, value, headers), max_bytes=max_bytes)


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
@pytest.mark.parametrize("fmt", [None, b"json"])
def test_json_in_json_strings_is_unwrapped(levels, fmt):
    text = json.dumps(ALERT)
    for _ in range(levels):
        text = json.dumps(text)
    decoded = run(text.encode(), fmt)
    assert decoded.content == json.loads(decoded.json) == ALERT


@pytest.mark.parametrize(
    ("value", "content"),
    [(b"null", None), (b"5", 5), (b'"hello"', "hello"), (b'"5"', "5"), (b"[1]", [1])],
)
def test_what_is_not_an_object_is_kept_as_content(value, content):
    assert run(value).content == {"content": content, "format": "json"}


@pytest.mark.parametrize(
    ("value", "fmt", "reason"),
    [
        (b"", None, "empty"),
        (None, None, "empty"),
        (b"not json", None, "not_json"),
        (b"\xff", None, "not_json"),
        (b"[" * 5000 + b"]" * 5000, None, "too_deep"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, b"json", "too_deep"),
        (b"1" * 5000, None, "not_json"),
        (b"{}", b"nonsense", "unknown_format"),
        (b"no xml", b"voevent", "undecodable"),
        (b"{" + b" " * 100 + b"}", None, "too_large"),
    ],
)
def test_poison(value, fmt, reason):
    with pytest.raises(PoisonRecord) as caught:
        run(value, fmt, max_bytes=100 if reason == "too_large" else 4_000_000)
    assert caught.value.reason == reason


def test_blob_is_base64():
    content = {"content": "/w==", "format": "blob", "encoding": "base64"}
    assert run(b"\xff", b"blob").content == content


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"__type__": "datetime", "__value__": "x"}}',
        '{"a": [{"\\u005f_type__": "x", "__value__": 1}]}',
    ],
)
def test_what_kombu_would_change_is_marked(text):
    assert not run(text.encode()).kombu_safe


def test_brackets_in_strings_are_no_nesting():
    assert run(json.dumps({"a": "[" * 500}).encode()).content == {"a": "[" * 500}


@given(st.binary(max_size=200), st.sampled_from([None, b"json", b"avro", b"voevent", b"blob"]))
def test_bytes_are_decoded_or_poison(value, fmt):
    try:
        decoded = run(value, fmt)
    except PoisonRecord as exc:
        seen = exc.reason
    else:
        seen = decoded.content
    assert seen is not None


@given(OBJECTS)
def test_the_text_is_what_kombu_reads(content):
    decoded = run(json.dumps(json.dumps(content)).encode())
    if "format" not in content:
        assert decoded.content == content
    if decoded.kombu_safe:
        assert kombu_loads(decoded.json) == json.loads(decoded.json)
