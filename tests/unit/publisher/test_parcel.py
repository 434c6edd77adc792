# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import json
import pickle

import pytest
from hop.models import Blob
from hypothesis import given
from hypothesis import strategies as st
from kombu.serialization import dumps, loads

from igwn_alert_celery.errors import HandlerError, SendRefused
from igwn_alert_celery.publisher.parcel import Parcel, pack, pack_each
from igwn_alert_celery.settings import Settings

SETTINGS = Settings(group="gracedb-test")
ALERT = {"uid": "S1", "alert_type": "new"}


def through_json(parcel):
    """Return what a worker reads from a task message."""
    content_type, encoding, payload = dumps(parcel.as_message(), "json")
    return Parcel.from_message(loads(payload, content_type, encoding))


def test_one_topic_and_several():
    assert pack(SETTINGS, "superevent", ALERT).topics == ("superevent",)
    parcel = pack(SETTINGS, ["superevent", "mdc_superevent", "superevent"], ALERT)
    assert parcel.topics == ("superevent", "mdc_superevent")
    assert [pack(SETTINGS, topic, ALERT).many for topic in ("a", ["a"], ("a",))] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("gracedb-test.superevent", "write 'superevent'"),
        ("cbc_*", "is a pattern"),
        (["superevent", "cbc_*"], "is a pattern"),
        ("", "topic ''"),
        ("a b", "topic 'a b'"),
        (None, "topic None"),
        ([], "at least one topic"),
        ([["superevent"]], "one by one"),
    ],
)
def test_topics_that_cannot_be(topic, said):
    with pytest.raises(HandlerError, match=said):
        pack(SETTINGS, topic, ALERT)


@pytest.mark.parametrize(
    ("key", "expected"),
    [(None, None), ("k", b"k"), (b"\xff", b"\xff"), ("", b""), (True, b"S1")],
)
def test_keys(key, expected):
    for alert in (ALERT, json.dumps(ALERT), json.dumps(json.dumps(ALERT)).encode()):
        assert pack(SETTINGS, "superevent", alert, key=key).key == expected


@pytest.mark.parametrize("key", [False, 5, ["k"]])
def test_keys_that_cannot_be(key):
    with pytest.raises(SendRefused, match="give a text, bytes, or True"):
        pack(SETTINGS, "superevent", ALERT, key=key)


def test_a_key_without_utf_8():
    with pytest.raises(SendRefused, match="no UTF-8"):
        pack(SETTINGS, "superevent", ALERT, key="\ud800")


@pytest.mark.parametrize("alert", [{}, {"uid": 5}, [ALERT], b"\xff", Blob(b"x"), '"S1"'])
def test_an_alert_without_a_uid_has_no_key(alert):
    with pytest.raises(SendRefused, match="it has none"):
        pack(SETTINGS, "superevent", alert, key=True)


@pytest.mark.parametrize("wire_format", ["gracedb", "object"])
def test_the_wire_format_is_the_settings(wire_format):
    settings = Settings(wire_format=wire_format)
    value = json.loads(pack(settings, "superevent", ALERT).value)
    assert value == (json.dumps(ALERT) if wire_format == "gracedb" else ALERT)


def test_the_message_of_a_plain_alert_is_readable_and_small():
    message = pack(SETTINGS, "superevent", ALERT).as_message()
    assert message == {
        "topic": "superevent",
        "alert": json.dumps(ALERT),
        "format": "json",
    }


@pytest.mark.parametrize("alert", ['{"a": "ä"}', '{"a": "\x7f"}', '{"a": "\\u00e4\\/"}', "[1e999]"])
def test_the_value_is_the_same_on_every_way(alert):
    expected = json.dumps(alert).encode()
    parcel = pack(SETTINGS, "superevent", alert)
    assert (parcel.value, through_json(parcel).value) == (expected, expected)


def test_a_text_that_is_not_ascii_travels_as_the_value():
    assert pack(SETTINGS, "superevent", '{"a": "\ud800"}').as_message()["value"].isascii()


@given(
    content=st.binary(min_size=1),
    key=st.none() | st.binary() | st.text(),
    headers=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(
                lambda name: not name.startswith("_")
            ),
            st.none() | st.binary(),
        )
    ),
    test=st.booleans(),
    topic=st.sampled_from(["superevent", ["superevent"], ["a", "b"]]),
)
def test_every_parcel_survives_the_task_message(content, key, headers, test, topic):
    parcel = pack(SETTINGS, topic, content, key, headers, test)
    assert through_json(parcel) == parcel
    assert pickle.loads(pickle.dumps(parcel)) == parcel


@pytest.mark.parametrize(
    "alert", [{"__type__": "datetime", "__value__": 1}, {"bytes": "", "__base64__": True}]
)
def test_kombu_changes_nothing(alert):
    parcel = through_json(pack(SETTINGS, "superevent", alert))
    assert json.loads(json.loads(parcel.value)) == alert


def test_several_items():
    found = pack_each(
        SETTINGS,
        [("superevent", ALERT), ["mdc_superevent", [1]], {"topic": "a", "alert": "1", "key": "k"}],
    )
    assert [parcel.topics for parcel in found] == [("superevent",), ("mdc_superevent",), ("a",)]
    assert found[2].key == b"k"


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("ab", "item 1: give"),
        (("superevent",), "item 1: give"),
        (("superevent", ALERT, "k"), "item 1: give"),
        ({"topic": "superevent"}, "item 1: give"),
        ({"topic": "superevent", "alert": {}, "kye": "k"}, "item 1: give"),
        (5, "item 1: give"),
        (("superevent", "["), "item 1: .*not_json"),
        (("cbc_*", {}), "item 1: .*is a pattern"),
    ],
)
def test_an_item_that_cannot_be_is_named(item, said):
    with pytest.raises((HandlerError, SendRefused), match=said):
        pack_each(SETTINGS, [("superevent", ALERT), item])


def test_no_items():
    with pytest.raises(HandlerError, match="at least one"):
        pack_each(SETTINGS, [])
