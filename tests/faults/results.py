# SPDX-License-Identifier: BSD-3-Clause
"""Figures of runs, kept in ``.cache`` until a page is written of them."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.faults.links import TOXIPROXY
from tests.faults.run import Outcome

__all__ = ["Results", "as_dict", "has_failed", "versions"]

_FOLDER = Path(__file__).parents[2] / ".cache" / "faults"
_PACKAGES = ("igwn-alert-celery", "celery", "kombu", "redis", "confluent-kafka", "hop-client")


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """Return what is kept of a run, as JSON takes it."""
    row, figures = outcome.row, outcome.tally
    return {
        "fault": row.fault.name,
        "way": row.way.name,
        "task_broker": row.task_broker,
        "pool": row.pool,
        "sent": figures.sent,
        "missing": len(figures.missing),
        "gone": figures.gone,
        "enqueued_twice": len(figures.enqueued_twice),
        "disordered": len(figures.disordered),
        "ran_twice": len(figures.ran_twice),
        "ran_twice_unexcused": len(figures.ran_twice_unexcused),
        "longest_s": figures.longest_s,
        "takeover_s": figures.takeover_s,
        "redelivery_s": figures.redelivery_s,
        "resume_s": figures.resume_s,
        "wrong": list(outcome.wrong),
        "took_s": outcome.took_s,
    }


class Results:
    """
    One kind of results: the newest of each name.

    Parameters
    ----------
    kind : str
        ``table``, ``chaos`` or ``soak``.
    """

    def __init__(self, kind: str) -> None:
        self._path = _FOLDER / f"{kind}.json"

    def load(self) -> dict[str, Any]:
        """Return them by name; empty when there are none."""
        if not self._path.exists():
            return {}
        found: dict[str, Any] = json.loads(self._path.read_text())
        return found

    def keep(self, name: str, result: dict[str, Any]) -> None:
        """Add one, in place of an older one of the same name."""
        _FOLDER.mkdir(parents=True, exist_ok=True)
        today = dt.datetime.now(dt.timezone.utc).date().isoformat()
        found = self.load() | {name: {**result, "date": today, "versions": versions()}}
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(found, indent=1))
        fresh.replace(self._path)


def has_failed(result: dict[str, Any]) -> bool:
    """Whether a promise was broken; today's way makes none."""
    return bool(result["wrong"]) and "today's" not in result["way"]


def versions() -> dict[str, str]:
    """Return what the runs ran on."""
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "Redis server": _said(["redis-server", "--version"], r"v=(\S+)"),
        "RabbitMQ": _said(["dpkg-query", "-Wf", "${Version}", "rabbitmq-server"], r"([\d.]+)"),
        "Kafka": "4.1.0",
        "toxiproxy": TOXIPROXY,
        "Linux": platform.release(),
        "cores": str(os.cpu_count()),
    }


def _said(argv: list[str], pattern: str) -> str:
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return "unknown"
    found = re.search(pattern, said)
    return found.group(1) if found else "unknown"
