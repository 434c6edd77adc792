# SPDX-License-Identifier: BSD-3-Clause
"""The dead letter of a task: the record as it came, or as far as the message still shows it."""

import json
from types import SimpleNamespace

import pytest

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.enqueue.late import late_letter
from igwn_alert_celery.enqueue.letters import task_letter
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.record import Record, RecordInfo

INFO = RecordInfo("superevent", 3, 7, 5, key="é", id="i", sender="s")
TASK = SimpleNamespace(name="m.f")


def call(record=None, info=INFO):
    return TaskCall(TASK, "an-id", info.as_header(), {"uid": "S1"}, b"", True, record)


def test_the_record_is_kept_whole():
    record = Record("gracedb.superevent", 3, 7, 5, b"\xff", b" {} ", (("_id", b"x"),))
    letter = task_letter(call(record), "gracedb.", "unroutable", ValueError("no queue"))
    assert (letter.value, letter.key, letter.headers) == (b" {} ", b"\xff", (("_id", b"x"),))
    assert (letter.reason, letter.error, letter.handler) == ("unroutable", "no queue", "m.f")
    assert "ValueError: no queue" in letter.traceback


def test_without_it_the_message_must_do():
    letter = task_letter(call(), "gracedb.", "unroutable", ValueError())
    assert (letter.topic, letter.partition, letter.offset) == ("gracedb.superevent", 3, 7)
    assert (letter.key, letter.timestamp_ms) == ("é".encode(), 5)
    assert json.loads(letter.value) == {"uid": "S1"}
    assert letter.error == "ValueError()"


def test_an_alert_that_never_was_a_record():
    info = RecordInfo("superevent", None, None, 5)
    letter = task_letter(call(info=info), "gracedb.", "unroutable", ValueError("x"))
    assert (letter.partition, letter.offset, letter.key) == (-1, -1, None)


def test_a_late_alert():
    letter = late_letter("m.f", "gracedb.", Alert({"uid": "S1"}, record=INFO))
    assert (letter.reason, letter.topic, letter.handler) == ("expired", "gracedb.superevent", "m.f")
    assert json.loads(letter.value) == {"uid": "S1"}
    with pytest.raises(ValueError, match="never was a record"):
        late_letter("m.f", "gracedb.", Alert())
