# SPDX-License-Identifier: BSD-3-Clause
"""Which processes a process has started, and what it uses, as Linux tells it in ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Use", "children", "descendants", "send", "use"]


class Use(dict[str, int]):
    """Kilobytes of memory, file descriptors and threads of one process."""


def children(pid: int) -> list[int]:
    """Return the processes that this one has started and that still run."""
    found: list[int] = []
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        for thread in threads:
            found += map(int, (thread / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended meanwhile
    return found


def descendants(pid: int) -> list[int]:
    """Return the children, and theirs."""
    mine = children(pid)
    return mine + [pid for child in mine for pid in descendants(child)]


def send(pids: Iterable[int], signum: int) -> None:
    """Send a signal to each that still runs."""
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            pass  # it has ended meanwhile


def use(pid: int) -> Use:
    """Return what a process uses; empty when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        return Use(
            memory_kb=int(said["VmRSS"].split()[0]),
            descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
            threads=int(said["Threads"]),
        )
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return Use()
