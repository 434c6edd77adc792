# SPDX-License-Identifier: BSD-3-Clause
"""What the playground says fits a terminal of 80 columns."""

import sys
from pathlib import Path

import pytest

from igwn_alert_celery.playground import words
from igwn_alert_celery.playground.board import Board

HANDLERS = [["first", "superevent", "What it is for."], ["second_one", "cbc_*", ""]]


def board(*task_ids, state="SUCCESS", timestamp_ms=100_000):
    found = Board()
    step = {"step": "enqueued", "at_s": 100.005, "alert_id": "a", "task_ids": task_ids}
    more = {"topic": "superevent", "timestamp_ms": timestamp_ms, "uid": "S1", "alert_type": "new"}
    found.add({**step, **more})
    for task_id in task_ids:
        run = {"task_id": task_id, "handler": "archive", "state": state, "said": "why"}
        found.add({"step": "handled", "at_s": 100.010, **run})
    return found


def test_the_introduction_lists_the_handlers():
    text = words.introduction("127.0.0.1:34567", HANDLERS)
    assert "(127.0.0.1:34567)" in text
    assert "  first       superevent  What it is for.\n  second_one  cbc_*\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_invitation_holds_commands_to_copy(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    text = words.invitation(Path("/somewhere/worker.log"))
    lines = [line.strip() for line in text.splitlines()]
    command = ".venv/bin/python -m igwn_alert_celery.playground"
    assert f"{command} send --example new" in lines
    assert f"{command} --handlers my_handlers.py" in lines
    assert "/somewhere/worker.log" in text
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (Board(), ["0 alerts became 0 tasks, 0 failed."]),
        (board(), ["1 alert became 0 tasks, 0 failed; 1 that nobody asks for became none."]),
        (
            board("t1", "t2"),
            [
                "1 alert became 2 tasks, 0 failed.",
                "After Kafka had an alert it was queued within 5 ms (median; longest 5 ms)",
                "and handled within 10 ms (median; longest 10 ms).",
            ],
        ),
        (
            board("t1", state="FAILURE", timestamp_ms=99_000),
            [
                "1 alert became 1 task, 1 failed.",
                "After Kafka had an alert it was queued within 1005 ms (median; longest 1005 ms)",
                "and handled within 1010 ms (median; longest 1010 ms).",
            ],
        ),
    ],
)
def test_the_summary_counts(found, lines):
    assert words.summary(found).splitlines() == lines
    assert max(map(len, lines)) <= 80


def test_what_is_missing_is_said_with_the_worker_s_last_words():
    found = board()
    found.sent("b", "superevent", {"uid": "S2", "alert_type": "new"})
    text = words.missing(found, "  the log")
    assert text.startswith("of 2 alerts 1 did not come out of Kafka in time, and 0 tasks have not")
    assert text.endswith("\n  the log")


def test_what_failed_is_said_a_line_each():
    text = words.failed(board("t1", "t2", state="FAILURE"))
    assert text.splitlines()[1:] == ["  archive on new S1: why"] * 2


@pytest.mark.parametrize("text", [words.STARTING, words.SCENE, words.STOPPING, words.NEXT])
def test_every_line_fits(text):
    assert max(map(len, text.splitlines())) <= 80
