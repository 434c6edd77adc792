# SPDX-License-Identifier: BSD-3-Clause
"""A letter of a task holds the alert as JSON: replayed, it is the same alert again."""

import json

import pytest
from hop import models
from hop.io import Producer
from hypothesis import given
from hypothesis import strategies as st

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.alert import Alert
from igwn_alert_celery.enqueue.late import late_letter
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.record import Record, RecordInfo
from igwn_alert_celery.replay.plan import Ways, plan
from tests.unit.apps import new_app
from tests.unit.letters import add_handler

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "format", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
VOEVENT = b"""<?xml version="1.0"?>
<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" ivorn="ivo://a/b" role="test">
 <Who><Date>2023-05-18T12:59:26</Date></Who>
 <What><Param name="FAR" value="3.2e-10"/></What>
</voe:VOEvent>"""


def replayed(content):
    bridge = IGWNAlert(new_app(), group="gracedb", noauth=True)
    add_handler(bridge, "handle", "superevent")
    alert = Alert(content, record=RecordInfo("superevent", 1, 7, 5))
    letter = late_letter("handle", "gracedb.", alert)
    planned = plan(letter, Ways(bridge, bridge.app.tasks))
    assert planned.refusal == ""
    return planned.calls[0].content


def received(value, headers):
    record = Record("gracedb.superevent", 1, 7, 5, None, value, tuple(headers))
    return decode(record, max_bytes=4_000_000).content


@pytest.mark.parametrize(
    "message",
    [
        models.VOEvent.load(VOEVENT),
        models.Blob(b"\x00\xff"),
        models.AvroBlob([{"a": 1}]),
        models.AvroBlob([{"a": 1}, {"a": 2}]),
        {"uid": "S1"},
        [1, "two"],
        "a text",
    ],
    ids=["voevent", "blob", "avro", "two avro", "dict", "list", "text"],
)
def test_every_format(message):
    content = received(*Producer.pack(message))
    assert replayed(content) == content


@given(JSON)
def test_any_json(value):
    content = received(json.dumps(value).encode(), ())
    assert replayed(content) == content
