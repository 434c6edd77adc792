# SPDX-License-Identifier: BSD-3-Clause
"""Beside the real igwn-alert, in both orders: a working command always remains."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from igwn_alert_celery import __version__
from tests.services.absent import Absent

ROOT = Path(__file__).parents[2]
THEIRS = "igwn-alert==0.7.0"


def pip(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    if done.returncode:
        raise Absent(f"pip {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with both wheels: ours is built, theirs is fetched."""
    folder = tmp_path_factory.mktemp("wheels")
    try:
        pip("wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT), THEIRS)
    except Absent as exc:
        if os.environ.get("CI"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))
    return folder


class Environment:
    """A virtual environment; what the packages depend on it borrows when it runs them."""

    def __init__(self, folder, wheels):
        venv = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        subprocess.run(venv, check=True, timeout=280)
        self._bin = folder / "bin"
        self._wheels = wheels

    def install(self, name, *options):
        links = ["--no-index", "--find-links", str(self._wheels)]
        self._pip("install", "--quiet", "--no-deps", *links, *options, name)

    def uninstall(self, name):
        self._pip("uninstall", "--quiet", "--yes", name)

    def _pip(self, *arguments):
        pip("--python", str(self._bin / "python"), *arguments)

    def version(self, *command):
        """Run a command of its own with ``--version``."""
        borrowed = {"PYTHONPATH": sysconfig.get_path("purelib")}
        program, *rest = command
        return subprocess.run(
            [str(self._bin / program), *rest, "--version"],
            env={**os.environ, **borrowed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.strip()

    @property
    def owner(self):
        """Whose script ``igwn-alert`` is: the package that it imports, or None."""
        script = self._bin / "igwn-alert"
        if not script.exists():
            return None
        (line,) = (line for line in script.read_text().splitlines() if line.startswith("from igwn"))
        return line.split()[1].partition(".")[0]

    def expect_ours(self):
        """Check that both of the ways to us that nobody else has do work."""
        ours = f"igwn-alert (igwn-alert-celery) {__version__}"
        assert self.version("igwn-alert-celery") == ours
        assert self.version("python", "-m", "igwn_alert_celery") == ours


def test_both_orders_leave_a_working_command(tmp_path, wheels):
    environment = Environment(tmp_path / "env", wheels)
    ours, theirs = "igwn-alert-celery", "igwn-alert"

    environment.install(theirs)
    assert environment.owner == "igwn_alert"
    environment.install(ours)
    assert environment.owner == "igwn_alert_celery"

    # pip removes a script by its name, whoever wrote it last.
    environment.uninstall(theirs)
    assert environment.owner is None
    environment.expect_ours()
    environment.install(ours, "--force-reinstall")
    assert environment.owner == "igwn_alert_celery"

    environment.install(theirs)
    assert environment.owner == "igwn_alert"
    environment.expect_ours()
    environment.uninstall(ours)
    assert environment.owner is None
