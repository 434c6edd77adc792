# SPDX-License-Identifier: BSD-3-Clause
import sys
from types import SimpleNamespace

import pytest

from igwn_alert_celery.cli.checks import script as module
from igwn_alert_celery.cli.checks.check import Failed, Skipped
from igwn_alert_celery.cli.checks.script import script

OURS = """#!{python}
# -*- coding: utf-8 -*-
import re
import sys
from igwn_alert_celery.cli import main
if __name__ == '__main__':
    sys.exit(main())
"""
THEIRS = OURS.replace("igwn_alert_celery.cli", "igwn_alert.tool")


@pytest.fixture
def on_path(monkeypatch, tmp_path):
    """Write a script igwn-alert and make its folder the only one on PATH."""

    def write(text):
        path = tmp_path / "igwn-alert"
        path.write_text(text.format(python=sys.executable))
        path.chmod(0o755)
        return path

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module.sysconfig, "get_path", lambda _name: str(tmp_path))
    return write


def test_ours_is_well(on_path, monkeypatch):
    path = on_path(OURS)
    dist = SimpleNamespace(name="igwn-alert-celery", version="0.1.0")
    point = SimpleNamespace(module="igwn_alert_celery.cli", dist=dist)
    monkeypatch.setattr(module, "entry_points", lambda group, name: [point])
    assert script(None).startswith(f"{path} is igwn-alert-celery ")


def test_the_other_package_is_named_with_a_way_out(on_path, monkeypatch):
    path = on_path(THEIRS)
    dist = SimpleNamespace(name="igwn-alert", version="0.7.0")
    point = SimpleNamespace(module="igwn_alert.tool", dist=dist)
    monkeypatch.setattr(module, "entry_points", lambda group, name: [point])
    with pytest.raises(Failed) as raised:
        script(None)
    assert raised.value.text == f"{path} is igwn-alert 0.7.0's"
    assert "igwn-alert-celery, which is ours alone" in raised.value.remedy


def test_a_package_that_is_not_of_this_environment_is_told(on_path):
    on_path(THEIRS.replace("igwn_alert.tool", "some_package.tool"))
    with pytest.raises(Failed, match=r"some_package \(of another environment\)"):
        script(None)


@pytest.mark.parametrize("text", ["#!/bin/sh\nexec other\n", "\x7fELF"])
def test_a_file_that_is_no_script_of_python_is_told(on_path, text):
    on_path(text)
    with pytest.raises(Failed, match="something unknown"):
        script(None)


def test_ours_in_another_environment_is_told(on_path, monkeypatch):
    path = on_path(OURS)
    monkeypatch.setattr(module.sysconfig, "get_path", lambda _name: "/another/bin")
    with pytest.raises(Failed) as raised:
        script(None)
    assert raised.value.text == f"{path} belongs to another environment than /another/bin"


def test_none_on_path_is_no_failure(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Skipped, match="-m igwn_alert_celery"):
        script(None)
