# SPDX-License-Identifier: BSD-3-Clause
"""Keeps what lives as long as the worker out of Python's garbage collections.

An app and all that it imports are some hundred thousand objects. Each full collection looks at all
of them, for tens of milliseconds, in which no alert moves; and the receiver, which holds thousands
of short-lived ones in a backlog, has Python collect often.
"""

from __future__ import annotations

import functools
import gc

__all__ = ["leave_alone"]


@functools.cache
def leave_alone() -> None:
    """Collect once, and leave alone what is there then, for ever; once in a process.

    Only cycles that are broken off later and were there already are not found any more: as it is
    done once, those are few.
    """
    gc.collect()
    gc.freeze()
