# SPDX-License-Identifier: BSD-3-Clause
"""Wake one waiting thread or greenlet from another thread, also a native one beside greenlets."""

from __future__ import annotations

import contextlib
import os
import socket

__all__ = ["Wake"]


class Wake:
    """Waits once, for one event. Any thread may set it; only its maker waits.

    The event travels through a pair of sockets. A lock would not do: gevent and eventlet replace
    locks by green ones, which do not reach the hub of another native thread, and leaving them
    alone would stall the hub. A socket's reader waits rightly in every pool, without a delay.
    """

    def __init__(self) -> None:
        self._reader, writer = socket.socketpair()
        # Only whoever takes the descriptor out may close it: a closed one is soon another file's.
        self._writers = [os.dup(writer.fileno())]
        writer.close()

    def set(self) -> None:
        """Wake the waiting one, now or when it comes to wait; a second time does nothing."""
        try:
            descriptor = self._writers.pop()
        except IndexError:
            return
        # A byte, because the mere end would not be seen while a forked child has a copy.
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\0")
        os.close(descriptor)

    def wait(self, timeout_s: float) -> bool:
        """Return whether it was set within the time. Only once: it lets go of the socket."""
        with contextlib.closing(self._reader):
            self._reader.settimeout(max(0.001, timeout_s))
            try:
                return bool(self._reader.recv(1))
            except TimeoutError:
                return False
