# SPDX-License-Identifier: BSD-3-Clause
# How to test handlers without Kafka and without a server: `pytest test_filters.py`.
import pytest
from igwn_alert_celery import Alert

import filters

NEW = {"uid": "S260518a", "alert_type": "new", "object": {"far": 1e-9, "labels": []}}


@pytest.fixture(autouse=True)
def run_at_once():
    filters.app.conf.update(broker_url="memory://", task_always_eager=True)


def test_a_handler_is_still_a_function(capsys):
    filters.slew(NEW)
    assert capsys.readouterr().out == "slew to S260518a\n"


def test_the_handlers_that_want_a_new_superevent(capsys):
    filters.igwn_alert.deliver("superevent", NEW)
    assert capsys.readouterr().out == "redraw S260518a\nslew to S260518a\n"


def test_an_insignificant_event_wakes_nobody():
    noise = {"uid": "G1", "alert_type": "new", "object": {"far": 1e-3}}
    assert filters.igwn_alert.deliver("cbc_gstlal", noise) == []


def test_what_a_filter_sees():
    alert = Alert({**NEW, "object": {"far": 1e-9, "labels": ["EM_Selected", "PASTRO_READY"]}})
    assert alert.far == 1e-9
    assert alert.labels >= {"EM_Selected", "PASTRO_READY"}
