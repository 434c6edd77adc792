# SPDX-License-Identifier: BSD-3-Clause
"""The invented alerts: their size, their shape, their number."""

import json

import pytest

from benchmarks.alerts import HEADERS, SIZES, Alerts, is_new, number_in, number_of
from igwn_alert_celery.kafka.encode import encode_value


@pytest.mark.parametrize("size", SIZES.values())
@pytest.mark.parametrize("number", [0, 9, 1234567])
def test_an_alert_has_exactly_the_size_that_was_asked_for(size, number):
    assert len(Alerts(size).wire(number)) == size


@pytest.mark.parametrize("size", SIZES.values())
def test_it_is_written_as_gracedb_writes_it(size):
    alerts = Alerts(size)
    assert alerts.wire(42) == json.dumps(json.dumps(json.loads(alerts.text(42)))).encode()
    assert (alerts.wire(42), "json") == encode_value(alerts.text(42))
    assert dict(HEADERS)["_format"] == b"json"


@pytest.mark.parametrize("size", SIZES.values())
def test_its_number_is_found_in_it_and_in_its_json(size):
    alerts = Alerts(size)
    for number in (0, 7, 9, 9_999_999):
        assert number_of(json.loads(alerts.text(number))) == number
        assert number_in(alerts.wire(number)) == number
        assert number_in(alerts.text(number).encode()) == number


def test_one_in_ten_is_new():
    alerts = Alerts(1_000)
    types = [json.loads(alerts.text(number))["alert_type"] for number in range(100)]
    assert types.count("new") == 10
    assert [kind == "new" for kind in types] == [is_new(number) for number in range(100)]


def test_it_is_the_same_every_time():
    assert Alerts(9_800).wire(3) == Alerts(9_800).wire(3)


def test_a_usual_one_is_little_else_than_what_gracedb_says():
    alert = json.loads(Alerts(9_800).text(9))
    assert len(alert["data"]["skymap"]) < 2_000
    assert alert["object"]["preferred_event_data"]["extra_attributes"]["SingleInspiral"]


def test_a_size_that_no_alert_has_is_refused():
    with pytest.raises(ValueError, match="at least"):
        Alerts(100)
