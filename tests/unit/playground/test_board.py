# SPDX-License-Identifier: BSD-3-Clause
"""What happened to each alert, from steps in any order."""

import itertools

import pytest

from igwn_alert_celery.playground.board import Board

ALERT = {"uid": "S1", "alert_type": "new"}
ENQUEUED = {
    "step": "enqueued",
    "at_s": 100.005,
    "alert_id": "a",
    "task_ids": ["t1", "t2"],
    "topic": "superevent",
    "timestamp_ms": 100_000,
    "uid": "S1",
    "alert_type": "new",
}
LETTER = {"step": "dead_letter", "at_s": 1.0, "alert_id": "a", "topic": "cbc_mbta", "why": "late"}


def handled(task_id, state="SUCCESS", at_s=100.010, said="fine"):
    step = {"step": "handled", "at_s": at_s, "task_id": task_id, "state": state, "said": said}
    return {**step, "handler": f"handler_of_{task_id}"}


@pytest.fixture
def board():
    return Board()


@pytest.mark.parametrize(
    "steps",
    list(itertools.permutations([ENQUEUED, handled("t1"), handled("t2", at_s=100.020)])),
)
def test_an_alert_is_done_when_all_its_tasks_are(board, steps):
    for step in steps:
        assert not board.rows or not board.done
        board.add(step)
    (row,) = board.rows
    assert board.done
    assert not row.unwanted
    assert row.enqueued_ms == pytest.approx(5.0)
    assert sorted(run.latency_ms for run in row.handled) == pytest.approx([10.0, 20.0])
    assert (len(board.runs), board.problems) == (2, [])


def test_alerts_stand_in_the_order_in_which_they_were_sent(board):
    for alert_id in "ab":
        board.sent(alert_id, "superevent", {**ALERT, "uid": alert_id})
    assert [row.enqueued_ms for row in board.rows] == [None, None]
    assert not board.done
    for alert_id in "bca":
        board.add({**ENQUEUED, "alert_id": alert_id, "uid": alert_id, "task_ids": []})
    assert [row.uid for row in board.rows] == ["a", "b", "c"]
    assert board.done


def test_a_task_that_is_done_was_enqueued_before(board):
    board.add(handled("t1", at_s=100.004))
    board.add(ENQUEUED)
    assert board.rows[0].enqueued_ms == pytest.approx(4.0)


def test_an_alert_that_nobody_asks_for_is_done_at_once(board):
    board.add({**ENQUEUED, "task_ids": []})
    assert board.rows[0].unwanted
    assert board.done


def test_a_failed_run_is_a_problem_and_a_retry_is_none_yet(board):
    board.add({**ENQUEUED, "task_ids": ["t1"]})
    board.add(handled("t1", "RETRY"))
    assert (board.done, board.runs, board.problems) == (False, [], [])
    board.add(handled("t1", "FAILURE", said="ValueError: no"))
    assert board.done
    assert board.problems == ["handler_of_t1 on new S1: ValueError: no"]


@pytest.mark.parametrize(
    "steps", list(itertools.permutations([LETTER, {**ENQUEUED, "task_ids": []}]))
)
def test_a_dead_letter_is_a_problem_of_its_alert(board, steps):
    for step in steps:
        board.add(step)
    (row,) = board.rows
    assert board.done
    assert not row.unwanted
    assert board.problems == ["new S1: dead letter, late"]


def test_an_alert_that_became_nothing_but_a_dead_letter_is_done(board):
    board.add(LETTER)
    assert board.done
    assert board.rows[0].topic == "cbc_mbta"


def test_what_visitors_write_does_not_reach_the_terminal_as_it_is(board):
    board.add({**ENQUEUED, "uid": "S\x1b[2J1\n2", "alert_type": None, "task_ids": ["t1"]})
    board.add(handled("t1", said="two\nlines \x07"))
    (row,) = board.rows
    assert (row.uid, row.alert_type) == ("S?[2J1 2", "?")
    assert row.handled[0].said == "two lines ?"


def test_other_steps_are_none_of_its_business(board):
    board.add({"step": "state", "at_s": 1.0, "state": "running"})
    assert board.rows == []
    assert board.done
