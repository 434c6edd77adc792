# SPDX-License-Identifier: BSD-3-Clause
import time

import click
import pytest

from igwn_alert_celery.cli.window import Window

HOUR_MS = 3_600_000


def now_ms():
    return round(time.time() * 1000)


def test_without_options_it_begins_now_and_has_no_end():
    window = Window.of(None, None, None, from_beginning=False)
    assert (window.start, window.looks_back) == ("latest", False)
    assert window.takes(now_ms())
    assert not window.is_full()
    assert not window.is_past()


def test_it_may_begin_with_everything():
    window = Window.of(None, None, None, from_beginning=True)
    assert (window.start, window.looks_back) == ("earliest", True)


def test_it_may_lie_in_the_past():
    since_ms, until_ms = now_ms() - 2 * HOUR_MS, now_ms() - HOUR_MS
    window = Window.of(since_ms, until_ms, None, from_beginning=False)
    assert (window.start, window.looks_back) == (since_ms, True)
    assert window.is_past()
    assert window.takes(until_ms - 1)
    assert not window.takes(until_ms)


def test_it_may_end_in_the_future():
    window = Window.of(None, now_ms() + HOUR_MS, None, from_beginning=False)
    assert not window.is_past()
    assert window.takes(now_ms())


def test_it_is_full_after_so_many():
    window = Window.of(None, None, 2, from_beginning=False)
    window.note_shown()
    assert not window.is_full()
    window.note_shown()
    assert window.is_full()


@pytest.mark.parametrize(
    ("since_ms", "until_ms", "from_beginning"),
    [
        (now_ms() - HOUR_MS, now_ms() - 2 * HOUR_MS, False),
        (None, now_ms() - HOUR_MS, False),
        (now_ms(), None, True),
    ],
    ids=["ends before it begins", "ends before now", "two beginnings"],
)
def test_what_contradicts_itself_is_refused(since_ms, until_ms, from_beginning):
    with pytest.raises(click.UsageError):
        Window.of(since_ms, until_ms, None, from_beginning=from_beginning)
