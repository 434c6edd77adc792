# SPDX-License-Identifier: BSD-3-Clause
"""What a page of memory costs here, which differs from one repetition to the next.

A virtual machine may get a page from its host only when it is used, and give it back when it has
not been used for seconds: to get it takes several times as long as to use it again. A backlog fills
Redis with hundreds of megabytes, more or less of which have just been used by somebody.
"""

from __future__ import annotations

import mmap
import time

__all__ = ["page_cost"]

_BYTES = 2**30


def page_cost() -> str:
    """Use a gigabyte of memory twice, and say how long a page took; takes some seconds."""
    return f"{_touch():.1f} µs when new, {_touch():.1f} µs again"


def _touch() -> float:
    """Return microseconds a page."""
    pages = max(1, _BYTES // mmap.PAGESIZE)
    with mmap.mmap(-1, pages * mmap.PAGESIZE, mmap.MAP_PRIVATE) as memory:
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        began = time.perf_counter()
        memory[:: mmap.PAGESIZE] = bytes(pages)
        return (time.perf_counter() - began) / pages * 1e6
