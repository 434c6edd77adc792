# SPDX-License-Identifier: BSD-3-Clause
"""What the playground says."""

from __future__ import annotations

import shlex
import shutil
import statistics
import sys
from pathlib import Path

from igwn_alert_celery.playground.alerts import DETECTION, EXAMPLES
from igwn_alert_celery.playground.board import Board

__all__ = [
    "NEXT",
    "SCENE",
    "STARTING",
    "STOPPING",
    "failed",
    "introduction",
    "invitation",
    "missing",
    "summary",
]

STARTING = "Starting Kafka and a Celery worker, which takes some seconds …"
SCENE = "This program plays GraceDB's part, and tells about one invented detection:\n"
STOPPING = "Ending the worker …"
NEXT = """\
The app that ran is igwn_alert_celery/playground/app.py. `make playground` keeps
it open for your own alerts and handlers."""

_INTRODUCTION = """\

Kafka is embedded ({address}), the task broker is a folder of files, and
the Celery worker is a real one (prefork, 2 processes). Its handlers:

{handlers}
"""
_INVITATION = """\
Send alerts to it from another terminal:

  {python} -m igwn_alert_celery.playground send --example new
  {python} -m igwn_alert_celery.playground send superevent alert.json

(--example takes {examples}.)

Your own handlers go into a file, for instance my_handlers.py:

  from igwn_alert_celery.playground.app import igwn_alert

  @igwn_alert.handler("superevent", alert_type="update")
  def mine(alert):
      print(alert.uid, alert.far)

End this with Ctrl-C, and start it with them:

  {python} -m igwn_alert_celery.playground --handlers my_handlers.py

What the worker itself says is in {log}
"""


def introduction(address: str, handlers: list[list[str]]) -> str:
    """Say what runs; each handler has a name, topics and a purpose."""
    widths = [max(len(handler[number]) for handler in handlers) for number in (0, 1)]
    lines = [f"  {name:{widths[0]}}  {on:{widths[1]}}  {why}" for name, on, why in handlers]
    text = "\n".join(line.rstrip() for line in lines)
    return _INTRODUCTION.format(address=address, handlers=text)


def invitation(log: Path) -> str:
    """Say how to send alerts, where one's own handlers go, and where the worker's log is."""
    examples = ", ".join((*EXAMPLES, DETECTION))
    return _INVITATION.format(python=_python(), examples=examples, log=log)


def summary(board: Board) -> str:
    """Say how many alerts and tasks there were, and how long they took."""
    done = board.runs
    failed = sum(run.failed for run in done)
    unwanted = sum(row.unwanted for row in board.rows)
    first = (
        f"{_count(len(board.rows), 'alert')} became {_count(len(done), 'task')}, {failed} failed"
    )
    lines = [f"{first}; {unwanted} that nobody asks for became none." if unwanted else f"{first}."]
    queued = [row.enqueued_ms for row in board.rows if row.enqueued_ms is not None]
    if done:
        lines += [
            f"After Kafka had an alert it was queued within {_within(queued)}",
            f"and handled within {_within([run.latency_ms for run in done])}.",
        ]
    return "\n".join(lines)


def missing(board: Board, log_tail: str) -> str:
    """Say what has not happened in time."""
    lost = sum(not row.problem and row.enqueued_ms is None for row in board.rows)
    waiting = sum(len(row.waiting) for row in board.rows)
    return (
        f"of {len(board.rows)} alerts {lost} did not come out of Kafka in time, and {waiting} "
        f"tasks have not run; the worker's last lines:\n{log_tail}"
    )


def failed(board: Board) -> str:
    """Say what went wrong, a line each."""
    return "\n  ".join(["not every alert was handled:", *board.problems])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _within(times_ms: list[float]) -> str:
    return f"{statistics.median(times_ms):.0f} ms (median; longest {max(times_ms):.0f} ms)"


def _python() -> str:
    """Return how to call this Python, as short as it can be said in this folder."""
    for name in ("python", "python3"):
        if shutil.which(name) == sys.executable:
            return name
    path, folder = Path(sys.executable), Path.cwd()
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    return shlex.quote(str(shown))
