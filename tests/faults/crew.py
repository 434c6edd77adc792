# SPDX-License-Identifier: BSD-3-Clause
"""Real ``celery worker`` processes that are killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.faults.diary import WORKER
from tests.faults.processes import children, descendants, send
from tests.services.process import Process
from tests.services.wait import wait_until

__all__ = ["CrewMember"]

ROOT = Path(__file__).parents[2]


class CrewMember:
    """
    One worker, under the guard that ends it with the harness.

    Parameters
    ----------
    name : str
        Its node name, not used before in this run.
    folder : Path
        Where its own folder is made.
    argv : list of str
        Python, the app and everything but the node name.
    environ : dict
        For the app.

    Attributes
    ----------
    told_to_end : bool
        Whether it was killed or terminated, rather than ended by itself.
    """

    def __init__(self, name: str, folder: Path, argv: list[str], environ: dict[str, str]) -> None:
        self.name = name
        self.told_to_end = False
        home = folder / name
        home.mkdir()
        own = {
            WORKER: name,
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self.process = Process([*argv, "-n", f"{name}@%h"], home, {**environ, **own})

    @property
    def pid(self) -> int:
        """The worker's main process."""
        found = wait_until(lambda: children(self.process._popen.pid), 60, f"{self.name} started")
        return found[0]

    @property
    def pool(self) -> list[int]:
        """Its pool's processes, if it has any."""
        return children(self.pid)

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.process.log.read_text(errors="replace")

    def expect(self, said: str, timeout_s: float = 120.0) -> None:
        """Wait until it has said something; it must not have ended before."""
        self.process.wait_ready(lambda: said in self.text, timeout_s)

    def kill(self) -> float:
        """Kill main process and pool at once; return when that was."""
        self.told_to_end = True
        at = time.monotonic()
        os.killpg(self.process._popen.pid, signal.SIGKILL)
        self.process.kill()
        return at

    def freeze(self) -> None:
        """Stop main process and pool in the middle of whatever they do."""
        send([self.pid, *descendants(self.pid)], signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        send([self.pid, *descendants(self.pid)], signal.SIGCONT)

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        self.told_to_end = True
        send([self.pid], signal.SIGTERM)
