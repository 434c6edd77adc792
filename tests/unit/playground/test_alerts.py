# SPDX-License-Identifier: BSD-3-Clause
"""The invented detection has GraceDB's structure, and the example app takes its part of it."""

import json

import pytest
from celery import _state

from igwn_alert_celery import Alert
from igwn_alert_celery.playground.alerts import EXAMPLES, detection, example
from igwn_alert_celery.playground.topics import TOPICS

NIGHT_S = 1_700_000_000.0


@pytest.fixture
def registry():
    # An ordinary app makes itself the current one, which is not for the other tests.
    before = _state._tls.current_app
    from igwn_alert_celery.playground.app import igwn_alert

    _state._tls.current_app = before
    return igwn_alert.registry


@pytest.mark.parametrize("sent", [*detection(NIGHT_S), *map(example, EXAMPLES)])
def test_an_alert_is_as_gracedb_makes_them(sent):
    topic, alert = sent
    assert topic in TOPICS
    assert list(alert) == ["uid", "alert_type", "data", "object"]
    assert alert["object"]["links"]["self"].endswith(f"/{alert['uid']}/")
    assert 100 < len(json.dumps(alert)) < 13_000


def test_a_detection_grows():
    alerts = [Alert(alert) for topic, alert in detection(NIGHT_S) if topic == "superevent"]
    assert {alert.uid for alert in alerts} == {"S231114abc"}
    assert [alert.alert_type for alert in alerts] == [
        "new",
        "label_added",
        "log",
        "label_added",
        "label_added",
        "update",
        "label_added",
        "log",
        "signoff_created",
        "label_added",
    ]
    labels = [len(alert.labels) for alert in alerts]
    assert labels == sorted(labels)
    fars = [alert.far for alert in alerts]
    assert fars == sorted(fars, reverse=True)
    assert fars[0] > fars[-1]


def test_its_time_is_the_one_given():
    _, alert = next(iter(detection(NIGHT_S)))
    # https://gracedb.ligo.org shows both clocks; 18 leap seconds lie between them.
    assert alert["object"]["gpstime"] == 1_384_035_218.0
    assert alert["object"]["created"] == "2023-11-14 22:13:20 UTC"


def test_the_example_app_shows_filters_a_pattern_and_alerts_that_nobody_asks_for(registry):
    became = []
    for topic, alert in detection(NIGHT_S):
        tasks = registry.match(topic, Alert(alert), 0.0).tasks
        became.append([name.rpartition(".")[2] for name in tasks])
    assert became == [
        ["vet_event"],
        ["point_telescope", "keep_history"],
        [],
        ["keep_history"],
        ["fetch_sky_map"],
        ["keep_history"],
        ["keep_history"],
        ["draft_circular", "keep_history"],
        ["keep_history"],
        [],
        [],
        ["keep_history"],
    ]


def test_an_alert_without_data_disturbs_no_filter(registry, caplog):
    for alert_type in ("log", "update"):
        alert = Alert({"uid": "S1", "alert_type": alert_type})
        registry.match("superevent", alert, 0.0)
        assert registry.match("cbc_gstlal", alert, 0.0).tasks == ()
    assert "raised" not in caplog.text
