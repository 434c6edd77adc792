# SPDX-License-Identifier: BSD-3-Clause
import copy
import json
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from igwn_alert_celery import Alert
from igwn_alert_celery.alert import Unread, as_json
from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.record import RecordInfo

PROPERTIES = [name for name, kind in vars(Alert).items() if isinstance(kind, property)]
PUBLIC = [name for name in PROPERTIES if not name.startswith("_")]
RECORD = RecordInfo("superevent", 3, 7, 1_700_000_000_000, key="k", redelivered=True)

SUPEREVENT = {
    "uid": "S230518h",
    "alert_type": "label_added",
    "data": {"name": "EM_READY", "creator": "somebody"},
    "object": {
        "superevent_id": "S230518h",
        "category": "Production",
        "far": 3.2e-10,
        "labels": ["EM_READY", "GCN_PRELIM_SENT"],
        "preferred_event_data": {"group": "CBC", "search": "AllSky", "superevent": "S230518h"},
        "links": {"self": "https://gracedb.invalid/api/superevents/S230518h/"},
    },
}
EVENT = {
    "uid": "G123456",
    "alert_type": "new",
    "data": {},
    "object": {
        "graceid": "G123456",
        "group": "CBC",
        "pipeline": "gstlal",
        "search": "AllSky",
        "far": 1,
        "labels": [],
        "superevent": "S230518h",
    },
}
EXPOSED = {
    "uid": "S230518h",
    "alert_type": "exposed",
    "data": [{"group": "public", "permission": "view_superevent"}],
    "object": {"superevent_id": "S230518h", "category": "Production", "labels": []},
}


def of_event(**fields):
    return {**EVENT, "object": {**EVENT["object"], **fields}}


def test_a_superevent():
    alert = Alert(SUPEREVENT)
    assert alert == SUPEREVENT
    assert (alert.uid, alert.alert_type) == ("S230518h", "label_added")
    assert alert.labels == {"EM_READY", "GCN_PRELIM_SENT"}
    assert (alert.far, alert.superevent_id) == (3.2e-10, "S230518h")
    assert (alert.is_mdc, alert.is_test, alert.record) == (False, False, None)


def test_an_event():
    alert = Alert(EVENT)
    assert (alert.uid, alert.superevent_id, alert.labels) == ("G123456", "S230518h", frozenset())
    assert alert.far == 1.0
    assert isinstance(alert.far, float)


def test_an_alert_whose_data_is_a_list():
    alert = Alert(EXPOSED)
    assert (alert.uid, alert.alert_type, alert.far) == ("S230518h", "exposed", None)


@pytest.mark.parametrize(
    ("uid", "superevent_id", "is_mdc", "is_test"),
    [
        ("S230518h", "S230518h", False, False),
        ("S190425ab", "S190425ab", False, False),
        ("MS260518a", "MS260518a", True, False),
        ("TS260518a", "TS260518a", False, True),
        ("GW150914A", "GW150914A", False, False),
        ("MGW150914A", "MGW150914A", True, False),
        ("TGW150914A", "TGW150914A", False, True),
        ("G123456", None, False, False),
        ("E123456", None, False, False),
        ("M123456", None, True, False),
        ("T123456", None, False, True),
        ("Mystery", None, False, False),
        ("", None, False, False),
        (5, None, False, False),
    ],
)
def test_what_an_id_alone_says(uid, superevent_id, is_mdc, is_test):
    alert = Alert({"uid": uid})
    assert (alert.superevent_id, alert.is_mdc, alert.is_test) == (superevent_id, is_mdc, is_test)


@pytest.mark.parametrize(
    ("fields", "is_mdc", "is_test"),
    [
        ({"search": "MDC"}, True, False),
        ({"category": "MDC"}, True, False),
        ({"category": "M"}, False, False),
        ({"group": "Test"}, False, True),
        ({"category": "Test"}, False, True),
        ({"search": ["MDC"], "group": None}, False, False),
    ],
)
def test_what_the_object_says(fields, is_mdc, is_test):
    alert = Alert(of_event(**fields))
    assert (alert.is_mdc, alert.is_test) == (is_mdc, is_test)


@pytest.mark.parametrize("superevent", [None, "", 5, ["S1"]])
def test_an_event_without_a_superevent(superevent):
    assert Alert(of_event(superevent=superevent)).superevent_id is None


@pytest.mark.parametrize(
    ("far", "expected"),
    [(0, 0.0), (math.inf, math.inf), (True, None), ("1e-9", None), (None, None), (10**400, None)],
)
def test_far(far, expected):
    assert Alert(of_event(far=far)).far == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["A", "A", 5, None, ["B"], {}], {"A"}),
        (("A",), {"A"}),
        ({"A"}, {"A"}),
        ("AB", set()),
        ({"A": 1}, set()),
        (5, set()),
    ],
)
def test_labels(labels, expected):
    assert Alert(of_event(labels=labels)).labels == expected


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["uid", "alert_type", "data", "object"])
FIELDS = st.sampled_from(["labels", "far", "superevent_id", "superevent", "category", "group"])


@settings(max_examples=50)
@given(
    content=st.dictionaries(KEYS, ANYTHING | st.dictionaries(FIELDS, ANYTHING))
    | st.dictionaries(st.text() | st.integers(), ANYTHING)
)
def test_no_property_ever_raises(content):
    alert = Alert(content)
    values = {name: getattr(alert, name) for name in PROPERTIES}
    assert {name: getattr(alert, name) for name in PUBLIC}.keys() < values.keys()
    assert isinstance(alert.labels, frozenset)
    assert isinstance(alert.is_mdc, bool)
    assert isinstance(alert.is_test, bool)
    assert all(value is None or isinstance(value, str) for value in (alert.uid, alert.alert_type))
    assert alert.far is None or isinstance(alert.far, float)


def test_what_was_no_object():
    alert = Alert({"content": [1, 2], "format": "json"})
    assert all(not getattr(alert, name) for name in PUBLIC)


def copies():
    yield "copy()", lambda alert: alert.copy()
    yield "copy", copy.copy
    yield "deepcopy", copy.deepcopy
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"pickle {protocol}", lambda a, p=protocol: pickle.loads(pickle.dumps(a, p))


@pytest.mark.parametrize("duplicate", [each for _, each in copies()], ids=[n for n, _ in copies()])
def test_every_copy_keeps_the_record(duplicate):
    alert = Alert(SUPEREVENT, record=RECORD)
    other = duplicate(alert)
    assert type(other) is Alert
    assert (other, other.record) == (alert, RECORD)
    other["uid"] = "S1"
    assert alert.uid == "S230518h"


def test_as_json_it_is_the_plain_dict():
    alert = Alert(SUPEREVENT, record=RECORD)
    assert json.loads(json.dumps(alert)) == SUPEREVENT
    assert json.loads(as_json(alert)) == SUPEREVENT
    assert {**alert} == SUPEREVENT
    assert repr(alert) == repr(SUPEREVENT)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"a": 1}, b'{"a": 1}'),
        ([1], b"[1]"),
        (None, b"null"),
        ('{"a": 1}', b'{"a": 1}'),
        ("ü", "ü".encode()),
        (b"\xff", b"\xff"),
        (bytearray(b"{}"), b"{}"),
        (memoryview(b"{}"), b"{}"),
    ],
)
def test_payloads_as_records_hold_them(payload, expected):
    assert as_json(payload) == expected


def circular():
    found = {}
    found["self"] = found
    return found


def deep():
    found = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: {1, 2}, "not_json"),
        (lambda: {"a": object()}, "not_json"),
        (lambda: "\ud800", "not_json"),
        (circular, "not_json"),
        (deep, "too_deep"),
    ],
)
def test_a_payload_without_a_json_form_is_poison(make, reason):
    with pytest.raises(PoisonRecord) as caught:
        as_json(make())
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 200


def unread(content, loaded=None):
    loaded = [] if loaded is None else loaded

    def load():
        loaded.append(content)
        return content

    inner = content.get("object")
    labels = inner.get("labels") if isinstance(inner, dict) else None
    return Unread(load, content.get("alert_type"), labels, RECORD)


@pytest.mark.parametrize(
    "content",
    [
        SUPEREVENT,
        {},
        {"alert_type": 5, "object": {"labels": "EM_READY"}},
        {"alert_type": None, "object": {"labels": ["a", 5, None, "b"]}},
    ],
)
def test_what_filters_ask_first_is_the_same_before_an_alert_is_read(content):
    found = unread(content)
    assert (found.alert_type, found.labels) == (Alert(content).alert_type, Alert(content).labels)


def test_an_alert_is_read_once_and_only_when_somebody_asks():
    loaded = []
    found = unread(SUPEREVENT, loaded)
    assert not loaded
    assert found.alert == SUPEREVENT
    assert found.alert is found.alert
    assert found.alert.record is RECORD
    assert len(loaded) == 1
