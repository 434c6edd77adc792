# SPDX-License-Identifier: BSD-3-Clause
"""The worker's report is read line by line, while it is written."""

import threading

import pytest

from igwn_alert_celery.playground.report import Report, report


@pytest.fixture
def lines(tmp_path):
    found = Report(tmp_path)
    yield found
    found.close()


def test_each_step_is_read_once_and_in_order(tmp_path, lines):
    assert lines.new() == []
    report(tmp_path, "state", state="running")
    report(tmp_path, "enqueued", uid="S→1\n2")
    first, second = lines.new()
    assert (first["step"], first["state"]) == ("state", "running")
    assert (second["step"], second["uid"]) == ("enqueued", "S→1\n2")
    assert 0 <= second["at_s"] - first["at_s"] < 10
    assert lines.new() == []


def test_a_line_that_is_still_being_written_waits(tmp_path, lines):
    path = tmp_path / "report"
    path.write_bytes(b'{"step": "o')
    assert lines.new() == []
    with path.open("ab") as output:
        output.write(b'ne"}\n{"step"')
    assert lines.new() == [{"step": "one"}]


def test_what_json_does_not_know_becomes_text(tmp_path, lines):
    report(tmp_path, "odd", value={1, 2}.__class__)
    assert lines.new()[0]["value"] == "<class 'set'>"


def test_lines_of_several_writers_do_not_mix(tmp_path, lines):
    def write(who):
        for number in range(100):
            report(tmp_path, "step", who=who, number=number, text="x" * 5000)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines.new()
    for who in range(4):
        assert [step["number"] for step in found if step["who"] == who] == list(range(100))
