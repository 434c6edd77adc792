# SPDX-License-Identifier: BSD-3-Clause
"""What the worker tells the playground: one JSON object a line, appended to a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

__all__ = ["Report", "report"]


def report(folder: Path, step: str, **what: Any) -> None:
    """Append one step with its time; any process of the worker may do so at any time."""
    line = json.dumps({"step": step, "at_s": time.time(), **what}, default=str)
    # One write in append mode: lines of several processes do not mix.
    with _path(folder).open("ab", buffering=0) as lines:
        lines.write(line.encode() + b"\n")


class Report:
    """Reads the steps in the order in which they were reported."""

    def __init__(self, folder: Path) -> None:
        path = _path(folder)
        path.touch()
        self._lines = path.open("rb")
        self._rest = b""

    def new(self) -> list[dict[str, Any]]:
        """Return what has been reported since the last call; does not block."""
        *lines, self._rest = (self._rest + self._lines.read()).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def _path(folder: Path) -> Path:
    return folder / "report"
