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

    The price: cycles that were there already and are broken off later are not found any more. As it
    is done once, before there is a receiver, those are few.
    """
    gc.collect()
    gc.freeze()
