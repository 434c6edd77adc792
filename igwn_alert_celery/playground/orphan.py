# SPDX-License-Identifier: BSD-3-Clause
"""A worker whose playground was killed leaves nothing behind either."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path

__all__ = ["end_with_parent"]


def end_with_parent(folder: Path) -> None:
    """End this process group, and remove the folder, when standard input closes.

    The playground holds the other end, which closes in whatever way it ends.
    """
    watch = threading.Thread(target=_watch, args=(folder,), name="orphan-watch", daemon=True)
    watch.start()


def _watch(folder: Path) -> None:
    while os.read(0, 1):
        pass
    # The rest of the worker may be writing to it until it is gone.
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)
