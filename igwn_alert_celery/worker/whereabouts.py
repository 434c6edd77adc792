# SPDX-License-Identifier: BSD-3-Clause
"""Where in the code a thread is just now, for another thread to say."""

from __future__ import annotations

import sys
import threading
import traceback
from types import FrameType
from typing import Any

from kombu.utils.compat import detect_environment

__all__ = ["Whereabouts"]


class Whereabouts:
    """Made on the thread that is to be looked at."""

    def __init__(self) -> None:
        self._ident = _native_ident()
        self._greenlet = _greenlet()

    def stack(self) -> list[traceback.FrameSummary]:
        """Return the stack as it is now, the innermost call last; empty when the thread is gone."""
        # Beside greenlets the thread waits in a hub, while its own code rests in a greenlet.
        resting: FrameType | None = getattr(self._greenlet, "gr_frame", None)
        frame = resting or sys._current_frames().get(self._ident)  # noqa: SLF001 - documented
        return list(traceback.extract_stack(frame)) if frame is not None else []


def _native_ident() -> int:
    environment = detect_environment()
    if environment == "gevent":
        from gevent.monkey import get_original

        return int(get_original("_thread", "get_ident")())
    if environment == "eventlet":
        from eventlet.patcher import original

        return int(original("threading").get_ident())
    return threading.get_ident()


def _greenlet() -> Any:
    # Loaded where greenlets are in use.
    greenlet: Any = sys.modules.get("greenlet")
    return None if greenlet is None else greenlet.getcurrent()
