# SPDX-License-Identifier: BSD-3-Clause
"""The state beside a task broker belongs to its owner alone, whatever the umask."""

import os
import sqlite3
import stat

import pytest

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.enqueue.opening import make_enqueuer
from tests.unit.apps import new_app


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o027, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("place", ["state_dir", "XDG_STATE_HOME"])
def test_file_and_folder(umask, place, tmp_path, monkeypatch):
    folder = tmp_path / "igwn-alert-celery"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = {"state_dir": str(folder)} if place == "state_dir" else {}
    app = new_app()
    enqueuer = make_enqueuer(app, IGWNAlert(app, noauth=True, **settings).settings, "a/group")
    enqueuer.open()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (name,) = modes(folder)
    assert modes(folder) == {name: 0o600}
    # While something is written there is a second file.
    with sqlite3.connect(folder / name) as connection:
        connection.execute("insert into asked values ('a', 'b', 'c')")
        assert len(modes(folder)) == 2
        assert set(modes(folder).values()) == {0o600}
    connection.close()
    enqueuer.close()
