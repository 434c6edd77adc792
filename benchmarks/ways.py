# SPDX-License-Identifier: BSD-3-Clause
"""What is compared, as commands that run it."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version

from benchmarks.sample import FLOOR, OURS, TODAYS
from tests.faults.todays_environment import TODAYS as TODAYS_PACKAGES
from tests.faults.todays_environment import todays_python

__all__ = [
    "BEHIND_RAW",
    "FLOORS",
    "PLAIN",
    "PUBLISHING",
    "UNTOUCHED",
    "command",
    "is_worker",
    "todays_interpreter",
]

#: A worker without any bridge.
PLAIN = "celery alone"
#: A worker of this package that sends, and does not listen.
PUBLISHING = "publisher"
#: Raw bridges, by what they do with each record.
FLOORS = {
    f"{FLOOR}: {what}": mode
    for what, mode in (
        ("template", "template"),
        ("string unwrapped", "unwrapped"),
        ("parsed by the standard library", "parsed"),
        ("not in base64", "untouched"),
    )
}
#: The one that does the least, and as little to an alert as this package.
UNTOUCHED = f"{FLOOR}: not in base64"
#: A raw bridge whose tasks a worker without any bridge takes.
BEHIND_RAW = "Celery behind a raw bridge"
_APPS = {
    OURS: "benchmarks.apps.ours",
    TODAYS: "benchmarks.apps.todays",
    PLAIN: "benchmarks.apps.plain",
    PUBLISHING: "benchmarks.apps.publishing",
}


def is_worker(way: str) -> bool:
    """Whether it is a Celery worker, rather than a raw process."""
    return way in _APPS


def command(way: str, pool: str, concurrency: int) -> list[str]:
    """Return what starts a worker of a way, but for its node name."""
    python = todays_interpreter() if way == TODAYS else sys.executable
    argv = [python, "-m", "celery", "-A", _APPS[way], "worker", "-l", "INFO", "-P", pool]
    return [*argv, "-c", str(concurrency), "--without-mingle"]


@cache
def todays_interpreter() -> str:
    """Return the Python that has igwn-alert 0.7.0; blocks while it is made, the first time."""
    return str(todays_python({name: version(name) for name in TODAYS_PACKAGES}))
