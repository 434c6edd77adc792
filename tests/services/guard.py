# SPDX-License-Identifier: BSD-3-Clause
"""
Run a command that must not outlive the tests.

The tests hold the other end of standard input. When they end, in whatever way, it closes, and the
whole process group is killed. SIGTERM is handed on to the command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

__all__: list[str] = []


def _kill_when_orphaned() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _main(argv: list[str]) -> int:
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)

    def hand_on(signum: int, _frame: FrameType | None) -> None:
        child.send_signal(signum)

    signal.signal(signal.SIGTERM, hand_on)
    threading.Thread(target=_kill_when_orphaned, name="orphan-watch", daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
