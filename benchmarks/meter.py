# SPDX-License-Identifier: BSD-3-Clause
"""CPU time that each part of a measurement uses, and how busy the machine is with other things."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from benchmarks.usage import busy_s, cpu_s

__all__ = ["Meter"]


class Meter:
    """
    Runs from when it is made.

    Parameters
    ----------
    parts : mapping
        Processes by what they are; they must live until it is read. The benchmark's own process
        comes as one more.
    """

    def __init__(self, parts: Mapping[str, Sequence[int]]) -> None:
        self._parts = {**parts, "benchmark": [os.getpid()]}
        self._busy_s = busy_s()
        self._used = self._now()
        self._began = time.monotonic()

    def read(self, alerts: int) -> dict[str, float]:
        """Return CPU time an alert of each part, and the cores that were busy elsewhere."""
        took_s, busy = time.monotonic() - self._began, busy_s() - self._busy_s
        used = {name: now - self._used[name] for name, now in self._now().items()}
        per_alert = {
            f"{name}_cpu_ms_per_alert": used_s * 1e3 / alerts for name, used_s in used.items()
        }
        # The kernel counts in ticks, so of an idle machine little less than nothing may be left.
        return {**per_alert, "elsewhere_cores": max(busy - sum(used.values()), 0.0) / took_s}

    def _now(self) -> dict[str, float]:
        return {name: cpu_s(pids) for name, pids in self._parts.items()}
