# SPDX-License-Identifier: BSD-3-Clause
import dataclasses
import json
import time

import pytest

from igwn_alert_celery.metrics import Metrics, State


def test_before_anything_has_happened():
    said = Metrics().as_dict()
    assert said["state"] == "stopped"
    assert said["last_alert_age_s"] is said["last_poll_age_s"] is None
    assert json.loads(json.dumps(said)) == said


def test_everything_is_told_as_plain_values():
    metrics = Metrics(
        state=State.KAFKA_AWAY,
        topics=("superevent",),
        missing=("cbc_x",),
        partitions={"superevent[0]": {"next_offset": 7, "lag": 0}},
        ordinary_way={"task": "compression"},
        last_alert_at=time.time() - 60,
        last_poll_at=time.time() - 1,
    )
    metrics.counters["received"] += 1
    said = metrics.as_dict()
    assert json.loads(json.dumps(said)) == said
    assert said["state"] == "kafka_away"
    assert (said["topics"], said["missing_topics"]) == (["superevent"], ["cbc_x"])
    assert said["counters"] == {"received": 1}
    assert type(said["counters"]) is dict
    assert said["last_alert_age_s"] == pytest.approx(60, abs=5)


def test_every_field_is_told():
    lists = {name: f"{name}_topics" for name in ("missing", "forbidden", "unsubscribed")}
    renamed = {**lists, "last_alert_at": "last_alert_age_s", "last_poll_at": "last_poll_age_s"}
    names = {renamed.get(field.name, field.name) for field in dataclasses.fields(Metrics)}
    assert names == Metrics().as_dict().keys()


def test_what_is_told_changes_no_more():
    metrics = Metrics(partitions={"superevent[0]": {"lag": 0}}, ordinary_way={"a": "b"})
    said = metrics.as_dict()
    metrics.counters["received"] += 1
    metrics.partitions["superevent[0]"]["lag"] = 5
    metrics.ordinary_way.clear()
    assert said["counters"] == {}
    assert said["partitions"] == {"superevent[0]": {"lag": 0}}
    assert said["ordinary_way"] == {"a": "b"}


def test_a_clock_that_is_set_back_makes_no_negative_age():
    assert Metrics(last_poll_at=time.time() + 60).as_dict()["last_poll_age_s"] == 0


def test_a_state_is_its_word():
    assert State("task_broker_away") is State.TASK_BROKER_AWAY
    assert State.RUNNING == "running"
