# SPDX-License-Identifier: BSD-3-Clause
import io
import os
import sys

import pytest

from igwn_alert_celery.cli.catch_up import progress_of
from igwn_alert_celery.cli.screen import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def pipe():
    """A pipe: the reader's end, and a stream for the writer."""
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    yield reader, stream
    # What is left in the buffer has nowhere to go.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    stream.close()


def test_a_pipe_that_nobody_reads_any_more_is_noticed_without_writing(pipe):
    reader, stream = pipe
    screen = Screen(file=stream)
    screen.check_reader()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        screen.check_reader()


def test_writing_into_it_raises_as_well(pipe):
    reader, stream = pipe
    screen = Screen(file=stream)
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        screen.say("x")


def test_a_file_has_no_reader_to_lose(tmp_path, monkeypatch):
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        screen = Screen()
        screen.check_reader()
        screen.say("x")
    assert (tmp_path / "out").read_text() == "x\n"


def test_an_output_that_has_not_every_letter_is_no_reason_to_fail(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Screen().say("→ é")
    assert raw.getvalue() == b"\\u2192 \\xe9\n"


def test_a_bar_is_drawn_on_a_terminal_alone(monkeypatch):
    output, errors = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    with progress_of("catching up", 10, Screen(file=output)) as advance:
        advance(10)
    assert (output.getvalue(), errors.getvalue()) == ("", "")


@pytest.mark.parametrize("total", [0, 3])
def test_a_bar_on_stderr_leaves_a_piped_output_alone(monkeypatch, total):
    output, errors = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setenv("TERM", "xterm")
    with progress_of("catching up", total, Screen(file=output)) as advance:
        for _ in range(5):
            advance(1)
    assert output.getvalue() == ""
    assert ("catching up" in errors.getvalue()) == bool(total)
    assert ("3/3" in errors.getvalue()) == bool(total)
