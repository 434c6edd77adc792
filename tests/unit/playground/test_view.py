# SPDX-License-Identifier: BSD-3-Clause
"""A live table on a terminal, plain lines elsewhere."""

import io
import re

import pytest

from igwn_alert_celery.playground.board import Board
from igwn_alert_celery.playground.view import LiveTable, PlainLines, Screen, open_view


class Terminal(io.StringIO):
    def isatty(self):
        return True


def enqueued(number, *task_ids):
    return {
        "step": "enqueued",
        "at_s": 100.005,
        "alert_id": str(number),
        "task_ids": task_ids,
        "topic": "superevent",
        "timestamp_ms": 100_000,
        "uid": f"S{number}",
        "alert_type": "new",
    }


def handled(task_id):
    step = {"step": "handled", "at_s": 100.01, "task_id": task_id, "state": "SUCCESS"}
    return {**step, "handler": "archive", "said": "[red]kept :smile:"}


def drawings(output):
    """What was on the terminal after each drawing, without colours."""
    parts = re.split(r"(?:\x1b\[\d*[A-K]|\r)+", output)
    return [re.sub(r"\x1b\[[0-9;?]*[a-z]", "", part).splitlines() for part in parts if part.strip()]


@pytest.fixture
def board():
    return Board()


def test_plain_lines_come_in_the_order_sent_each_alert_once_and_whole(board):
    output = io.StringIO()
    for number in (1, 2):
        board.sent(str(number), "superevent", {"uid": f"S{number}", "alert_type": "new"})
    with open_view(Screen(file=output), board) as view:
        assert isinstance(view, PlainLines)
        for step in (enqueued(2), enqueued(1, "t1")):
            board.add(step)
            view.update()
        assert len(output.getvalue().splitlines()) == 1
        board.add(handled("t1"))
        view.update()
        view.update()
    head, *lines = output.getvalue().splitlines()
    assert head.startswith("topic")
    assert [line.split()[1] for line in lines] == ["S1", "S2"]
    assert lines[0].endswith("archive         10 ms [red]kept :smile:")


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"FORCE_COLOR": "1"}])
def test_what_cannot_be_drawn_anew_gets_plain_lines(board, environment):
    file = Terminal() if environment.get("TERM") == "dumb" else io.StringIO()
    with open_view(Screen(file=file, _environ=environment), board) as view:
        assert isinstance(view, PlainLines)


def test_a_terminal_shows_the_latest_lines_and_all_of_them_at_the_end(board):
    output = Terminal()
    screen = Screen(file=output, width=80, height=10, _environ={"TERM": "xterm"})
    with open_view(screen, board) as view:
        assert isinstance(view, LiveTable)
        for number in range(12):
            board.add(enqueued(number))
            view.update()
    drawn = drawings(output.getvalue())
    after = drawn[-1]
    during = [lines for lines in drawn if "…" in lines[1]][-1]
    assert during[1].strip() == "… 6 lines before"
    assert [line.split()[1] for line in during[2:]] == [f"S{n}" for n in range(6, 12)]
    assert len(during) <= 10
    assert [line.split()[1] for line in after[1:]] == [f"S{n}" for n in range(12)]
    assert max(len(line) for line in during + after) <= 80


def test_nobody_s_markup_is_drawn(board):
    output = Terminal()
    screen = Screen(file=output, width=100, height=30, _environ={"TERM": "xterm"})
    with open_view(screen, board):
        board.add(enqueued(1, "t1"))
        board.add(handled("t1"))
    assert "[red]kept :smile:" in output.getvalue()


def test_a_pipe_that_nobody_reads_is_told():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Screen(file=Closed()).say("words")
