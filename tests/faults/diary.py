# SPDX-License-Identifier: BSD-3-Clause
"""What workers did, line by line in one file that no fault takes away.

Each line is one append, so a process that is killed leaves whole lines, and Redis may lose all it
has. Times are those of the machine's monotonic clock, which all processes of it share.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["WORKER", "Diary", "Note"]

WORKER = "FAULTS_WORKER"


@dataclass(frozen=True, slots=True)
class Note:
    """
    One line.

    Attributes
    ----------
    kind : str
        ``enqueued`` (the receiver says so), ``start`` or ``end`` of one handling.
    at : float
        When, in seconds.
    worker : str
        Which worker, by the name that the harness gave it; a restarted one has another.
    pid : int
        Process that did it.
    number : int
        The alert.
    task : str
        The task's id.
    tag : str
        The message's delivery tag: a message that is enqueued anew has another.
    again : bool
        Whether the message or the record said that it comes again.
    """

    kind: str
    at: float
    worker: str
    pid: int
    number: int
    task: str = ""
    tag: str = ""
    again: bool = False


class Diary:
    """The file; opened anew in each process, since a forked one may outlive its parent."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._read = 0
        self._notes: list[Note] = []
        self._ended: set[int] = set()
        self._reading = threading.Lock()

    def note(self, kind: str, number: int, **more: Any) -> None:
        """Append one line."""
        line = {
            "kind": kind,
            "at": time.monotonic(),
            "worker": os.environ.get(WORKER, ""),
            "pid": os.getpid(),
            "number": number,
            **more,
        }
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)

    def notes(self) -> list[Note]:
        """Return what was written, in order; an incomplete last line is left for later."""
        if self._path.exists():
            with self._path.open("rb") as lines, self._reading:
                lines.seek(self._read)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    self._read += len(line)
                    self._take(Note(**json.loads(line)))
        return self._notes

    def ended(self) -> set[int]:
        """Return the alerts whose handler has come to its end."""
        self.notes()
        return self._ended

    def _take(self, note: Note) -> None:
        self._notes.append(note)
        if note.kind == "end":
            self._ended.add(note.number)
