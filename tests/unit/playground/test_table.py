# SPDX-License-Identifier: BSD-3-Clause
"""The board as lines that fit, on a narrow terminal too."""

import pytest

from igwn_alert_celery.playground.board import Handled, Row
from igwn_alert_celery.playground.table import HEAD, fit, lines_of


def row(**more):
    return Row("superevent", "S261126abc", "signoff_created", **more)


def shown(a_row, room=80):
    return [(first + last).rstrip() for first, last, _ in fit([HEAD, *lines_of(a_row)], room)]


def run(handler, latency_ms, state="SUCCESS", said="done"):
    return Handled(handler, latency_ms, state, said)


def test_each_handler_has_a_line_the_fastest_first():
    found = row(
        enqueued_ms=4.6, handled=[run("point_telescope", 12.4), run("archive", 7.0, said="")]
    )
    assert shown(found) == [
        "topic      alert      type            queued handler          done says",
        "superevent S261126abc signoff_created   5 ms archive          7 ms",
        "                                             point_telescope 12 ms done",
    ]


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({}, "on its way …"),
        ({"enqueued_ms": 3.0}, "nobody asks for it: no task"),
        ({"enqueued_ms": 3.0, "waiting": {"t1", "t2"}}, "2 waiting …"),
        ({"problem": "dead letter, expired: 3 s old"}, "dead letter, expired: 3 s old"),
    ],
)
def test_a_note_says_what_else_there_is(more, note):
    (line,) = lines_of(row(**more))
    assert line.note == note
    assert shown(row(**more))[-1].endswith(f" {note}")


def test_tasks_that_wait_stand_below_those_that_ran():
    found = row(enqueued_ms=3.0, waiting={"t2"}, handled=[run("archive", 7.0)])
    assert [(line.cells[4], line.note) for line in lines_of(found)] == [
        ("archive", ""),
        ("", "1 waiting …"),
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("SUCCESS", "why"),
        ("FAILURE", "failed: why"),
        ("RETRY", "retry: why"),
        ("IGNORED", "ignored: why"),
    ],
)
def test_what_a_handler_says_has_its_state_before_it(state, said):
    (line,) = lines_of(row(enqueued_ms=3.0, handled=[run("archive", 7.0, state, "why")]))
    assert line.says == said
    assert line.failed == (state == "FAILURE")


def test_what_does_not_fit_goes_on_below_the_handler():
    said = "failed: KeyError: 'nothing' is in this alert"
    found = row(enqueued_ms=4.6, handled=[run("archive", 7.0, said=said), run("later", 8.0)])
    assert shown(found)[1:] == [
        "superevent S261126abc signoff_created   5 ms archive          7 ms",
        "                                             failed: KeyError: 'nothing' is in",
        "                                             this alert",
        "                                             later            8 ms done",
    ]
    assert len(shown(found, 120)) == 3


def test_a_long_note_goes_on_as_well():
    letter = "dead letter, not_json: Expecting value: line 1 column 1 (char 0)"
    assert shown(row(problem=letter))[1:] == [
        "superevent S261126abc signoff_created        dead letter, not_json: Expecting",
        "                                             value: line 1 column 1 (char 0)",
    ]


@pytest.mark.parametrize("room", [5, 20, 40, 56, 57, 80, 100])
@pytest.mark.parametrize("said", ["", "x" * 200, "many words " * 18])
@pytest.mark.parametrize("name", ["archive", "a_handler_with_a_very_long_name"])
def test_no_line_is_wider_than_there_is_room(name, said, room):
    found = row(enqueued_ms=12_345.0, handled=[run(name, 99_999.0, said=said)])
    lines = shown(found, room)
    assert max(map(len, lines)) <= room
    assert len(lines) <= 6
    assert lines[-1].endswith("…") or not said or room > 80


@pytest.mark.parametrize("room", [5, 60])
def test_no_note_is_wider_than_there_is_room(room):
    assert max(map(len, shown(row(problem="dead letter, " + "why " * 50), room))) <= room
