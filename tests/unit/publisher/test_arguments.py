# SPDX-License-Identifier: BSD-3-Clause
"""The arguments as they travel in a task's message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery.publisher import arguments
from igwn_alert_celery.publisher.arguments import deflated, inflated, packed
from igwn_alert_celery.publisher.parcel import pack_each
from igwn_alert_celery.settings import Settings

CONTENTS = st.binary(min_size=1) | st.dictionaries(st.text(), st.text(), max_size=3)
HEADERS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.none() | st.binary(), max_size=2
)


@given(st.lists(st.tuples(CONTENTS, st.none() | st.binary(), HEADERS), min_size=1, max_size=3))
def test_what_travels_deflated_comes_back(given_items):
    items = [
        {"topic": ["a", "b"], "alert": alert, "key": key, "headers": headers}
        for alert, key, headers in given_items
    ]
    parcels = [parcel.as_message() for parcel in pack_each(Settings(), items)]
    message = {"parcels": parcels, "many": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arguments, "_DEFLATED_FROM", 0)
        short = deflated(message)
    assert set(short) == {"deflated", "many"}
    # Any serializer carries it.
    assert inflated(json.loads(json.dumps(short))) == message


def test_a_short_message_stays_readable():
    message = {"parcels": [{"topic": "a", "alert": "{}", "format": "json"}]}
    assert deflated(message) == inflated(message) == message


def test_what_is_packed_is_not_packed_again():
    for message in ({"parcels": []}, {"deflated": "", "many": True}):
        assert packed(None, (), message) == ((), message)
