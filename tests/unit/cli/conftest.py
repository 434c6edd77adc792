# SPDX-License-Identifier: BSD-3-Clause
"""Runs the command in this process, with nothing of the developer's environment."""

import logging
import os

import pytest
from click.testing import CliRunner

from igwn_alert_celery.cli.command import igwn_alert


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch, tmp_path):
    for name in [*os.environ]:
        if name.startswith("IGWN_ALERT_") and not name.startswith("IGWN_ALERT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(autouse=True)
def _levels_end():
    """Undo what the command does to the log of its process."""
    ours = (f"igwn_alert_celery.{name}" for name in ("kafka.librdkafka", "enqueue.publish"))
    loggers = [logging.getLogger(name) for name in ("adc", *ours)]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def run():
    """Run ``igwn-alert`` with these arguments."""

    def invoke(*arguments, **options):
        return CliRunner().invoke(igwn_alert, [*arguments], prog_name="igwn-alert", **options)

    return invoke
