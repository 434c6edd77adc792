# SPDX-License-Identifier: BSD-3-Clause
"""When what happened, noted in a file by any process, by the clock that all processes share."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

__all__ = ["Notes"]


class Notes:
    """
    The file; each note is one append, so processes that share it, also by fork, need no lock.

    Parameters
    ----------
    path : str or Path
        The file; made when it is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._path = Path(path)
        self._read = 0
        self._found: dict[str, int] = {}
        self._counts: Counter[str] = Counter()

    def add(self, what: object) -> None:
        """Note that it happens now."""
        at = time.monotonic_ns()
        os.write(self._descriptor, b"%d %b\n" % (at, str(what).encode()))

    def first(self) -> dict[str, int]:
        """Return when each thing happened first, in nanoseconds."""
        with self._path.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                at, _, what = line.decode().rstrip().partition(" ")
                self._found.setdefault(what, int(at))
                self._counts[what] += 1
        return self._found

    def again(self) -> list[str]:
        """Return what happened more than once."""
        self.first()
        return [what for what, times in self._counts.items() if times > 1]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
