# SPDX-License-Identifier: BSD-3-Clause
"""Another terminal finds the playground that is open, and only that."""

import os
import subprocess
import sys

import pytest

from igwn_alert_celery.playground import door
from igwn_alert_celery.playground.door import find_address, open_door
from igwn_alert_celery.playground.errors import PlaygroundError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_an_open_playground_is_found_by_its_user_alone(folder):
    with open_door("127.0.0.1:1") as path:
        assert find_address() == "127.0.0.1:1"
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == []


def test_without_one_the_remedy_is_said():
    with pytest.raises(PlaygroundError, match="no playground is open: run `make playground`"):
        find_address()


def test_the_latest_one_counts_and_none_shuts_another_s_door():
    with open_door("127.0.0.1:1"):
        with open_door("127.0.0.1:2"):
            assert find_address() == "127.0.0.1:2"
        with pytest.raises(PlaygroundError):
            find_address()
    first = open_door("127.0.0.1:1")
    first.__enter__()
    with open_door("127.0.0.1:2"):
        first.__exit__(None, None, None)
        assert find_address() == "127.0.0.1:2"


def test_one_that_was_killed_is_not_open_any_more(folder):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with open_door("127.0.0.1:1") as path:
        path.write_text(f"127.0.0.1:1 {gone.pid}")
        with pytest.raises(PlaygroundError, match="no playground is open"):
            find_address()


@pytest.mark.parametrize("text", ["127.0.0.1:1 one", "127.0.0.1:1 " + "9" * 30, "", "\0"])
def test_a_file_that_says_nothing_is_no_open_playground(text):
    with open_door("127.0.0.1:1") as path:
        path.write_text(text)
        with pytest.raises(PlaygroundError, match="no playground is open"):
            find_address()


def test_another_user_s_process_is_not_the_playground(monkeypatch):
    def kill(pid, signal):
        raise PermissionError

    with open_door("127.0.0.1:1"):
        monkeypatch.setattr(door.os, "kill", kill)
        with pytest.raises(PlaygroundError, match="no playground is open"):
            find_address()


def test_somebody_else_s_file_is_not_trusted(monkeypatch):
    with open_door("127.0.0.1:1") as path:
        mine = os.getuid()
        monkeypatch.setattr(door.os, "getuid", lambda: mine + 1)
        monkeypatch.setattr(door, "_path", lambda: path)
        with pytest.raises(PlaygroundError, match="another user: give --server"):
            find_address()


def test_a_link_is_not_followed(folder):
    victim = folder / "victim"
    victim.write_text("mine")
    link = door._path()
    link.symlink_to(victim)
    with open_door("127.0.0.1:1") as path:
        assert not path.is_symlink()
    assert victim.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(monkeypatch, folder):
    monkeypatch.setattr("tempfile.tempdir", str(folder / "nowhere"))
    with pytest.raises(PlaygroundError, match=r"nowhere.*set TMPDIR"), open_door("127.0.0.1:1"):
        pass
