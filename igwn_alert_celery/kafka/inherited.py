# SPDX-License-Identifier: BSD-3-Clause
"""Kafka clients that a forked child inherits: it must never close nor collect them.

librdkafka's threads do not exist in the child, and to end a client there waits for them or crashes.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

__all__ = ["keep", "let_go"]

_kept: set[Any] = set()


def keep(client: Any) -> None:
    """Keep a client from being collected, until :func:`let_go`, and for good in any child."""
    _kept.add(client)


def let_go(client: Any) -> None:
    """Let it be collected; it has been closed, in the process that made it."""
    _kept.discard(client)


def _leak() -> None:
    # A reference that the interpreter's end does not take back either.
    for client in _kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))
    _kept.clear()


os.register_at_fork(after_in_child=_leak)
