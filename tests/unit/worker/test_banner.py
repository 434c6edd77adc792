# SPDX-License-Identifier: BSD-3-Clause
"""The start block is for people; a terminal that cannot show it must not stop anything."""

import io
import logging
import sys

import pytest

from igwn_alert_celery.worker.banner import age, say


@pytest.fixture(autouse=True)
def only_warnings(monkeypatch):
    logger = logging.getLogger("igwn_alert_celery.worker.banner")
    monkeypatch.setattr(logger, "level", logging.WARNING)
    logger.manager._clear_cache()
    yield
    logger.manager._clear_cache()


def test_an_encoding_without_marks(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "__stdout__", io.TextIOWrapper(raw, encoding="latin-1"))
    say("✓ superevent")
    assert raw.getvalue() == b"? superevent\n"


def test_a_closed_terminal_is_said_in_the_log(monkeypatch, caplog):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "__stdout__", stream)
    say("✓ superevent")
    assert "cannot be shown (I/O operation on closed file" in caplog.text


def test_no_terminal_at_all_is_said_in_the_log(monkeypatch, caplog):
    monkeypatch.setattr(sys, "__stdout__", None)
    say("✓ superevent")
    assert "cannot be shown (there is no standard output)" in caplog.text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "a moment"),
        (3, "3 s"),
        (150, "2 min"),
        (7300, "2 h"),
        (90_000, "25 h"),
        (1e6, "12 days"),
    ],
)
def test_age(seconds, text):
    assert age(seconds) == text
