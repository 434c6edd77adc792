# SPDX-License-Identifier: BSD-3-Clause
"""Takes memory from the machine, so that no measurement is the first one to use it.

A virtual machine may get a page of memory from its host only when it is used, and give it back when
it has not been used for a while; to get it takes several times as long as to use it again. A
backlog fills Redis with hundreds of megabytes, and some would be measured with that.
"""

from __future__ import annotations

import mmap
import re
import time
from pathlib import Path

__all__ = ["touch_memory", "warm_memory"]

_MOST_BYTES = 8 * 2**30
_AGAIN_BYTES = 2**30


def touch_memory() -> str:
    """Use half of what is free, at most 8 GB, and say how long a page took then, and later."""
    free_kb = int(re.findall(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[0])
    first_us = _touch(min(free_kb * 1024 // 2, _MOST_BYTES))
    return f"a new page {first_us:.1f} µs, the same again {_touch(_AGAIN_BYTES):.1f} µs"


def warm_memory() -> None:
    """Use as much as a measurement needs, before it begins; takes a second or two."""
    _touch(_AGAIN_BYTES)


def _touch(size: int) -> float:
    """Return microseconds a page."""
    pages = max(1, size // mmap.PAGESIZE)
    with mmap.mmap(-1, pages * mmap.PAGESIZE, mmap.MAP_PRIVATE) as memory:
        if hasattr(memory, "madvise") and hasattr(mmap, "MADV_NOHUGEPAGE"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        began = time.perf_counter()
        memory[:: mmap.PAGESIZE] = bytes(pages)
        return (time.perf_counter() - began) / pages * 1e6
