# SPDX-License-Identifier: BSD-3-Clause
"""When a process gets another line to Kafka."""

from types import SimpleNamespace
from typing import ClassVar

import pytest

from igwn_alert_celery.errors import SendRefused
from igwn_alert_celery.publisher import sender as module
from igwn_alert_celery.publisher.sender import Sender


class Line:
    """A line that breaks and opens as a test wants it."""

    made: ClassVar[list] = []
    refused = False
    tried = 0

    def __init__(self, settings):
        self.settings = settings
        self.is_broken = False
        self.closed = False
        self.username = f"line {len(self.made)}"

    @classmethod
    def open(cls, settings):
        cls.tried += 1
        if cls.refused:
            raise SendRefused("no token came", code="config")
        cls.made.append(cls(settings))
        return cls.made[-1]

    def close(self, timeout_s):
        self.closed = True


@pytest.fixture
def lines(monkeypatch):
    fresh = type("Line", (Line,), {"made": []})
    monkeypatch.setattr(module, "Line", fresh)
    monkeypatch.setattr(module, "_RENEW_S", 0.0)
    monkeypatch.setattr(module.atexit, "register", lambda *_: None)
    return fresh


@pytest.fixture
def sender():
    return Sender(SimpleNamespace(settings="settings"))


def test_a_line_is_kept_until_it_breaks(lines, sender):
    assert [sender.username, sender.username] == ["line 0", "line 0"]
    lines.made[0].is_broken = True
    assert sender.username == "line 1"
    assert lines.made[0].closed


def test_a_broken_line_is_kept_where_there_is_no_other(lines, sender, monkeypatch):
    assert sender.username == "line 0"
    lines.made[0].is_broken = True
    lines.refused = True
    assert sender.username == "line 0"
    assert not lines.made[0].closed
    lines.refused = False
    assert sender.username == "line 1"


def test_another_line_is_not_tried_for_each_record(lines, sender, monkeypatch):
    monkeypatch.setattr(module, "_RENEW_S", 30.0)
    assert sender.username == "line 0"
    lines.made[0].is_broken = lines.refused = True
    for _ in range(3):
        assert sender.username == "line 0"
    assert lines.tried == 2


def test_without_any_line_the_reason_is_raised(lines, sender):
    lines.refused = True
    with pytest.raises(SendRefused, match="no token came"):
        _ = sender.username


def test_other_settings_want_another_line(lines, sender):
    assert sender.username == "line 0"
    sender._bridge.settings = "others"
    assert sender.username == "line 1"
    assert lines.made[0].closed
