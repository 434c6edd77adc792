# SPDX-License-Identifier: BSD-3-Clause
"""JSON in all its forms, and what is told about everything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.record import Record

ALERT = {"uid": "S1", "alert_type": "new", "object": {"labels": []}}
TEXT = st.text(st.characters(), max_size=5)  # lone surrogates included
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
FORMATS = [b"json", b"JSON", b"avro", b"voevent", b"blob", b"external", b"circular"]
FORMATS += [b"gcntextnotice", b"\xff", b"", None]


def run(value, fmt=None, max_bytes=4_000_000, **more):
    headers = () if fmt is None else (("_format", fmt),)
    return decode(Record("g.t", 0, 0, 0, None, value, headers), max_bytes=max_bytes, **more)


def reason(*args, **more):
    with pytest.raises(PoisonRecord) as caught:
        run(*args, **more)
    return caught.value.reason


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
@pytest.mark.parametrize("fmt", [None, b"json", b"JSON"])
def test_json_in_json_strings_is_unwrapped(levels, fmt):
    text = json.dumps(ALERT)
    for _ in range(levels):
        text = json.dumps(text)
    decoded = run(text.encode(), fmt)
    assert decoded.content == ALERT
    assert decoded.json == json.dumps(ALERT).encode()
    assert decoded.kombu_safe


@pytest.mark.parametrize("fmt", [None, b"json"])
@pytest.mark.parametrize(
    ("value", "content"),
    [
        (b"null", None),
        (b"5", 5),
        (b"true", True),
        (b'"hello"', "hello"),
        (b'"5"', "5"),
        (b"[1]", [1]),
        (b'"[1]"', [1]),
    ],
)
def test_what_is_not_an_object_is_kept_as_content(value, content, fmt):
    decoded = run(value, fmt)
    assert decoded.content == json.loads(decoded.json) == {"content": content, "format": "json"}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN, "b": [Infinity]}',
        '{ "a" : 1e999 , "é": "\\u00e9" }',
        '{"a": "\\ud800"}',
        '{"__type__": "datetime", "__value__": "2023-05-18"}',
        '{"a": %s}' % ("9" * 4000),
    ],
)
@pytest.mark.parametrize("levels", [0, 1])
def test_the_senders_own_text_is_kept(text, levels):
    decoded = run((json.dumps(text) if levels else text).encode())
    assert decoded.json == text.encode()
    assert repr(decoded.content) == repr(json.loads(text))


def test_a_list_with_a_repeated_key_is_kept_too():
    assert run(b'[{"a": 1, "a": 2}]').json == b'{"content": [{"a": 1, "a": 2}], "format": "json"}'


def test_lone_surrogates_that_have_no_utf8_are_escaped():
    decoded = run(json.dumps('{"a": "\ud83d\\ude00", "b": "\udc00"}').encode())
    assert decoded.content == json.loads(decoded.json) == {"a": "\U0001f600", "b": "\udc00"}


@pytest.mark.parametrize(
    ("value", "fmt", "expected"),
    [
        (b"", None, "empty"),
        (None, None, "empty"),
        (b"", b"blob", "empty"),
        (b"not json", None, "not_json"),
        (b"not json", b"json", "not_json"),
        (b"\xff", None, "not_json"),
        (b"\xff\xfe{\0}\0", b"json", "not_json"),
        (b"1" * 5000, None, "not_json"),
        (b"[" * 5000 + b"]" * 5000, None, "too_deep"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, b"json", "too_deep"),
        (b'{"header": %s, "body": ""}' % (b"[" * 5000 + b"]" * 5000), b"circular", "too_deep"),
        (b"{}", b"nonsense", "unknown_format"),
        (b"{}", b"", "unknown_format"),
        (b"{}", b"\xff\xfe", "unknown_format"),
        (b"{}", b"x" * 10_000, "unknown_format"),
        (b"no xml", b"voevent", "undecodable"),
        (b"no avro", b"avro", "undecodable"),
        (b"\xff", b"gcntextnotice", "undecodable"),
        (b"[]", b"circular", "undecodable"),
        (b"a: b\n" * 30_000, b"gcntextnotice", "too_large"),
    ],
)
def test_poison(value, fmt, expected):
    assert reason(value, fmt) == expected


def test_a_record_whose_headers_cannot_be_read_is_poison_whatever_its_value():
    record = Record("g.t", 0, 0, 0, None, b"{}", (), "a header's name is not UTF-8")
    with pytest.raises(PoisonRecord, match="not UTF-8") as caught:
        decode(record, max_bytes=1000)
    assert caught.value.reason == "undecodable"


def test_the_detail_of_poison_is_short():
    with pytest.raises(PoisonRecord) as caught:
        run(b"{}", b"\xff" * 100_000)
    assert len(str(caught.value)) < 500


def test_size_is_bounded_before_and_after():
    assert reason(b'{"a": "%s"}' % (b" " * 100), max_bytes=100) == "too_large"
    assert reason(b"\0" * 90, b"blob", max_bytes=100) == "too_large"
    assert run(b'{"a": "%s"}' % (b"x" * 900_000)).json.count(b"x") == 900_000


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("_format", None),),
        (("other", b"avro"), ("_FORMAT", b"avro")),
        (("_format", b"json"), ("_format", b"avro")),
        (("_id", b"\0\xff"), ("_sender", None), ("_format", b"Json")),
    ],
)
def test_headers_that_say_json_or_nothing(headers):
    record = Record("g.t", 0, 0, 0, None, json.dumps(json.dumps(ALERT)).encode(), headers)
    assert decode(record, max_bytes=1000).content == ALERT


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"__type__": "datetime", "__value__": "x"}}',
        '{"a": [{"\\u005f_type__": "x", "__value__": 1}]}',
    ],
)
def test_what_kombu_would_change_is_marked(text):
    assert not run(text.encode()).kombu_safe
    assert not run(json.dumps(text).encode()).kombu_safe


def test_an_external_message_without_a_fetcher_says_where_it_is_but_no_secret():
    value = b'{"url": "https://carol@host.org/msg/1?signature=secret#secret"}'
    with pytest.raises(PoisonRecord) as caught:
        run(value, b"external")
    assert caught.value.reason == "offload_missing"
    assert "host.org/msg/1" in caught.value.detail
    assert "secret" not in caught.value.detail
    assert "carol" not in caught.value.detail


@pytest.mark.parametrize("value", [b"{}", b"[]", b"null", b'{"url": 5}', b'"https://host"'])
def test_an_external_message_without_a_url_is_poison(value):
    assert reason(value, b"external", fetch=lambda url: None) == "undecodable"


def test_what_a_fetch_refuses_keeps_its_reason():
    def fetch(url):
        raise PoisonRecord("offload_unavailable", url)

    assert reason(b'{"url": "https://host"}', b"external", fetch=fetch) == "offload_unavailable"


@settings(deadline=None)
@given(
    st.none() | st.binary() | VALUES.map(lambda value: json.dumps(value).encode()),
    st.lists(
        st.tuples(TEXT | st.just("_format"), st.sampled_from(FORMATS) | st.binary()), max_size=3
    ),
    st.binary(max_size=20),
)
def test_arbitrary_records_are_decoded_or_poison(value, headers, fetched):
    def fetch(url):
        return Record("", -1, -1, 0, None, fetched, tuple(headers))

    record = Record("g.t", 0, 0, 0, None, value, tuple(headers))
    try:
        decoded = decode(record, max_bytes=1000, fetch=fetch)
    except PoisonRecord as exc:
        assert exc.reason
    else:
        assert isinstance(decoded.content, dict)
        assert repr(json.loads(decoded.json)) == repr(decoded.content)
        assert len(decoded.json) <= 1000


@settings(deadline=None)
@given(VALUES, st.integers(0, 3), st.sampled_from([None, b"json"]), st.booleans())
def test_arbitrary_json_is_the_data_that_it_was(value, levels, fmt, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    for _ in range(levels):
        text = json.dumps(text)
    try:
        decoded = run(text.encode(), fmt)
    except UnicodeEncodeError:
        return  # nobody could send this
    assert json.loads(decoded.json) == decoded.content
    plain = json.loads(json.dumps(value))
    if isinstance(plain, dict) and plain.keys() != {"format", "content"}:
        assert decoded.content == json.loads(json.dumps(plain))


@pytest.mark.parametrize("levels", range(3))
def test_an_object_labelled_as_json_is_not_made_before_it_is_asked_for(levels):
    text = value = json.dumps(ALERT)
    for _ in range(levels):
        value = json.dumps(value)
    found = run(value.encode(), b"json")
    assert (found.read is None) is (levels < 2)
    assert (found.seen is not None) is (levels < 2)
    assert (found.content, found.json) == (ALERT, text.encode())


def test_what_is_seen_is_what_stands_there():
    alert = {**ALERT, "object": {"labels": ["DQOK"]}}
    seen = run(json.dumps(alert).encode(), b"json").seen
    assert (seen.alert_type, seen.object.labels) == ("new", ["DQOK"])
