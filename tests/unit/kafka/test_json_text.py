# SPDX-License-Identifier: BSD-3-Clause
import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu.utils.json import loads as kombu_loads

from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.json_text import MOST_DEPTH, glance, is_kombu_safe, parse, unwrap

KEYS = st.sampled_from(["__type__", "__value__", "\\", '"', "[", "é", "a"]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | KEYS | st.just("datetime"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=15,
)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(depth, inner), default=0)


def nested(value, levels):
    for _ in range(levels):
        value = [value]
    return value


@settings(deadline=None)
@given(VALUES, st.integers(0, 2), st.integers(MOST_DEPTH - 5, MOST_DEPTH + 5))
def test_the_depth_is_counted_exactly(value, indent, levels):
    value = nested(value, levels)
    text = json.dumps(value, indent=indent or None)
    if depth(value) <= MOST_DEPTH:
        assert json.dumps(parse(text)) == json.dumps(value)
    else:
        with pytest.raises(PoisonRecord, match="too_deep"):
            parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 201 + "]" * 201,
        "[" * 5000 + "]" * 5000,
        "[" * 1_000_000,
        '{"a":' * 201 + "1" + "}" * 201,
        '{"a": %s, "a": 1}' % ("[" * 300 + "]" * 300),  # hidden by the repeated key
    ],
)
def test_too_deep(text):
    with pytest.raises(PoisonRecord) as caught:
        parse(text)
    assert caught.value.reason == "too_deep"


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "{'a': 1}", "nul", "1" * 5000, "\ufeff{}", '"\n"', "[" * 150, "{}{}"]
)
def test_not_json(text):
    with pytest.raises(PoisonRecord) as caught:
        parse(text)
    assert caught.value.reason == "not_json"


@pytest.mark.parametrize("inside", ["[" * 500, '\\"[' * 500, '\\\\"' + "[" * 500, "\\" * 501 + "["])
def test_brackets_in_strings_are_no_nesting(inside):
    assert parse(json.dumps([inside, {inside: inside}])) == [inside, {inside: inside}]


def test_what_the_parser_accepts_is_accepted():
    assert parse(' {"a": 1, "a": [NaN, -Infinity, "\\ud800"]} ')["a"][2] == "\ud800"


TEXTS = [
    '{"a": [1, -2.5e+3, true, null], "b": {"c": "\\"\\\\ \\u00e9\\n\\ud83d\\ude00"}, "b": -0}',
    "[NaN, -Infinity, 1e999, 5e-324, 9007199254740993, 18446744073709551616, 0.1e22]",
    '["\\ud800", "\\udc00\\ud800", "\u2028\x7f\ufeff"]',
    "9" * 4299,
]
PIECES = st.sampled_from(
    [*'{}[]",:\\/bu0123456789eE+-. \t\n\x00\x1f\x0b\ufeffé', "\\u00", "\\ud83d"]
)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(TEXTS), st.lists(st.tuples(st.integers(0, 99), PIECES), max_size=4))
def test_what_is_read_is_what_python_reads(text, changes):
    for percent, piece in changes:
        place = percent * len(text) // 100
        # One piece takes the place of a character, or goes before it.
        text = text[:place] + piece + text[place + (place % 2) :]
    try:
        expected = repr(json.loads(text))
    except ValueError as exc:
        with pytest.raises(PoisonRecord, match=re.escape(str(exc))):
            parse(text)
    else:
        assert repr(parse(text)) == expected


ALERTS = [
    '{"alert_type": "new", "object": {"labels": ["DQOK"], "far": 1e-10, "x": [{}, null]}}',
    '{"object": null, "alert_type": 5, "d": ["\\u00e9\\ud83d\\ude00", -0.0, 12345678901234567890]}',
    '{"alert_type": "a", "alert_type": "b", "object": {"labels": 1}, "object": {"y": "\x7f"}}',
    '{"object": [1], "n": NaN, "s": "\\ud800"}',
    "{}",
]


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(ALERTS), st.lists(st.tuples(st.integers(0, 99), PIECES), max_size=4))
def test_a_glance_takes_nothing_that_python_does_not_and_sees_the_same(text, changes):
    for percent, piece in changes:
        place = percent * len(text) // 100
        text = text[:place] + piece + text[place + (place % 2) :]
    seen = glance(text)
    if seen is None:
        return
    whole = json.loads(text)
    assert isinstance(whole, dict)
    inner = whole.get("object")
    assert repr(seen.alert_type) == repr(whole.get("alert_type"))
    assert (seen.object is None) is (inner is None)
    if inner is not None:
        assert repr(seen.object.labels) == repr(inner.get("labels"))


def test_a_glance_is_enough_for_usual_alerts():
    assert glance(ALERTS[0]).object.labels == ["DQOK"]
    assert glance(ALERTS[1]).alert_type == 5
    assert glance(ALERTS[2]).alert_type == "b"


@pytest.mark.parametrize(
    "text", ["[]", '"{}"', " {}", "", "5", ALERTS[3], '{"a": 1} x', '{"a": 01}']
)
def test_everything_else_is_for_the_parser(text):
    assert glance(text) is None


def test_a_glance_sees_what_is_too_deep():
    with pytest.raises(PoisonRecord, match="too_deep"):
        glance('{"a": %s}' % ("[" * 200 + "]" * 200))
    assert glance('{"a": %s}' % ("[" * 199 + "]" * 199)) is not None


@pytest.mark.parametrize("start", [0, 1, 4000, 4290, 4299, 4300, 8600, 9000])
@pytest.mark.parametrize("digits", [4299, 4300, 4301, 9000])
def test_an_integer_that_is_too_long_for_python_is_seen_wherever_it_is(start, digits):
    text = '{"a": "' + "x" * start + '", "b": -' + "7" * digits + ', "c": "' + "y" * 5000 + '"}'
    if digits > 4300:
        assert glance(text) is None
        with pytest.raises(PoisonRecord, match="not_json"):
            parse(text)
    else:
        assert glance(text) is not None
        parse(text)


@pytest.mark.parametrize("levels", range(5))
def test_strings_with_an_object_inside_are_opened(levels):
    text = inner = '{"a" : 1}'
    for _ in range(levels):
        text = json.dumps(text)
    assert unwrap(parse(text), text) == ({"a": 1}, inner)


@pytest.mark.parametrize("value", ["hello", "5", '"5"', "null", "", "[", None, 5, True])
def test_strings_with_anything_else_inside_stay(value):
    text = json.dumps(value)
    assert unwrap(value, text) == (value, text)


def test_more_wrappings_than_anybody_makes_stay():
    text = "{}"
    for _ in range(5):
        text = json.dumps(text)
    assert unwrap(parse(text), text) == (parse(text), text)


def test_what_is_too_deep_inside_a_string_is_poison():
    text = json.dumps("[" * 300 + "]" * 300)
    with pytest.raises(PoisonRecord, match="too_deep"):
        unwrap(parse(text), text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ('{"__type__": "datetime", "__value__": "x"}', False),
        ('[{"a": {"__value__": 1, "__type__": {}}}]', False),
        ('{"\\u005f_type__": "x", "__value__": 1}', False),
        ('{"__t\\u0079pe__": "x", "\\u005F_value__": 1}', False),
        ('{"a": {"__type__": 1, "__value__": 1}, "a": 1}', False),  # hidden, and yet decoded
        ('{"__type__": 1, "__value__": 1, "more": 1}', True),
        ('{"__type__": 1}', True),
        ('"__type__ __value__"', True),
        ('{"a": "\\u00e9\\u0041"}', True),
    ],
)
def test_what_kombu_would_change(text, safe):
    assert is_kombu_safe(text.encode()) is safe


def is_marked(value):
    if isinstance(value, dict) and value.keys() == {"__type__", "__value__"}:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return isinstance(value, (dict, list)) and any(map(is_marked, inner))


@settings(deadline=None)
@given(VALUES, st.sampled_from(["_", "t", "v", "u"]))
def test_what_is_safe_is_what_kombu_reads(value, letter):
    text = json.dumps(value)
    if "\\" not in text:
        text = text.replace(f"_{letter}", f"_\\u{ord(letter):04x}")
    assert is_kombu_safe(text.encode()) is not is_marked(value)
    if is_kombu_safe(text.encode()):
        assert json.dumps(kombu_loads(text)) == json.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        "[" + "[]," * 300_000 + "[]]",
        "[" + '{"a":1},' * 100_000 + "{}]",
        '"' + '\\"[' * 300_000,
        '"' + "\\\\" * 500_000 + '"',
        '{"__type__": 1, "a": [%s1]}' % ('{"b":1},' * 100_000),
        '["' + "\\u005f" * 200_000 + '"]',
    ],
)
def test_bombs_take_a_bounded_time(text):
    began = time.thread_time()
    try:
        is_kombu_safe(json.dumps(parse(text)).encode())
    except PoisonRecord as exc:
        assert exc.reason == "not_json"
    assert time.thread_time() - began < 5
