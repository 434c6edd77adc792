# SPDX-License-Identifier: BSD-3-Clause
import dataclasses
import json
import time

import pytest

from igwn_alert_celery.metrics import Metrics, State, Stuck


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
    assert said["last_alert_age_s"] == pytest.approx(60, abs=30)


def test_every_field_is_told():
    lists = {name: f"{name}_topics" for name in ("missing", "forbidden", "unsubscribed")}
    renamed = {**lists, "last_alert_at": "last_alert_age_s", "last_poll_at": "last_poll_age_s"}
    renamed |= {"stuck": "stuck_s", "not_running_at": "not_running_s"}
    names = {renamed.get(field.name, field.name) for field in dataclasses.fields(Metrics)}
    # Dead letters are one of the counters.
    assert names - {"beats"} == Metrics().as_dict().keys() - {"dead_letters"}


def test_since_when_it_does_not_run_is_noted_with_the_state():
    metrics = Metrics()
    assert metrics.as_dict()["not_running_s"] is None
    metrics.state = State.STARTING
    metrics.not_running_at -= 60
    metrics.state = State.FAILED
    metrics.state = State.STARTING
    assert metrics.as_dict()["not_running_s"] == pytest.approx(60, abs=30)
    metrics.state = State.RUNNING
    assert metrics.as_dict()["not_running_s"] is None
    metrics.state = State.KAFKA_AWAY
    assert metrics.as_dict()["not_running_s"] == pytest.approx(0, abs=30)


def test_dead_letters_are_counted():
    metrics = Metrics()
    assert metrics.as_dict()["dead_letters"] == 0
    assert metrics.as_dict()["counters"] == {}
    metrics.counters["dead_letters"] += 2
    assert metrics.as_dict()["dead_letters"] == 2


def test_that_the_receiver_is_stuck_is_told_in_place_of_its_state():
    metrics = Metrics(state=State.RUNNING)
    assert metrics.as_dict()["stuck_s"] is None
    metrics.stuck = Stuck(time.monotonic() - 60, "no poll")
    said = metrics.as_dict()
    assert (said["state"], said["detail"]) == ("stuck", "no poll")
    assert said["stuck_s"] == pytest.approx(60, abs=30)
    assert json.loads(json.dumps(said)) == said
    metrics.stuck = None
    assert metrics.as_dict()["state"] == "running"


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
