# SPDX-License-Identifier: BSD-3-Clause
"""What processes use of the machine, as Linux tells it in ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.faults.processes import descendants

__all__ = ["busy_s", "cpu_s", "family", "memory_mb", "peak_mb"]

_TICKS = os.sysconf("SC_CLK_TCK")
_KB = 1024


def family(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    return [pid, *descendants(pid)]


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU time of processes that run, user's and system's, in seconds."""
    return sum(map(_ticks, pids)) / _TICKS


def busy_s() -> float:
    """Return the CPU time of everything on this machine since it was started, in seconds."""
    _, user, nice, system, _idle, _wait, *interrupts = Path("/proc/stat").read_text().split()[:9]
    return sum(map(int, (user, nice, system, *interrupts))) / _TICKS


def memory_mb(pids: Iterable[int]) -> dict[str, float]:
    """Return their memory in MB: resident, and with shared pages divided among those who share."""
    found = {"rss": 0, "pss": 0}
    for pid in pids:
        said = _said(f"/proc/{pid}/smaps_rollup")
        for name in found:
            found[name] += said[name.capitalize()]
    return {name: value / _KB for name, value in found.items()}


def peak_mb(pid: int) -> float:
    """Return the most resident memory that a process has had, in MB."""
    return _said(f"/proc/{pid}/status")["VmHWM"] / _KB


def _ticks(pid: int) -> int:
    # The name of the program stands in brackets and may hold anything.
    after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after[11]) + int(after[12])


def _said(path: str) -> dict[str, int]:
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {words[0][:-1]: int(words[1]) for words in lines if words[-1] == "kB"}
