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
    """Leave alone what is there now, for ever; once in a process.

    The price: cycles that are there already are not found any more. As it is done once, before
    there is a receiver, those are few. Only young objects are collected before: a full collection
    writes to all of them, and prefork's processes share their memory as long as nobody does.
    """
    gc.collect(1)
    gc.freeze()
