# SPDX-License-Identifier: BSD-3-Clause
import threading

import pytest

from igwn_alert_celery.kafka import download as module
from igwn_alert_celery.kafka.download import Unavailable, download, place_of
from tests.services.wait import wait_until


def test_downloads_that_hang_beyond_their_time_do_not_pile_up(monkeypatch):
    release, begun = threading.Event(), []

    def fetch(*_args):
        begun.append(1)
        release.wait(60)
        return b""

    monkeypatch.setattr(module, "_fetch", fetch)
    for _ in range(12):
        with pytest.raises(Unavailable):
            download("https://host/", None, 0.02, 10)
    # Some may have been given up before they had begun.
    wait_until(lambda: len(begun) >= 8, 30, "they run")
    release.set()
    wait_until(lambda: not module._running, 30, "the threads end")
    assert len(begun) == 8
    assert download("https://host/", None, 60.0, 10) == b""


def test_what_a_download_raises_is_raised_here(monkeypatch):
    def fetch(*_args):
        raise SystemExit(3)

    monkeypatch.setattr(module, "_fetch", fetch)
    with pytest.raises(SystemExit):
        download("https://host/", None, 60.0, 10)
    assert not module._running


def test_a_place_holds_no_secret():
    assert place_of("https://carol:se3cret@host:5/a?se3cret#se3cret") == "https://host:5/a"
