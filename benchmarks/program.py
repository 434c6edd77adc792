# SPDX-License-Identifier: BSD-3-Clause
"""A process that is measured: a worker, or a raw one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.processes import children
from tests.services.process import Process
from tests.services.wait import wait_until

__all__ = ["Program"]

_ROOT = Path(__file__).parents[1]
_LOOK_S = 0.002
_FAILED = "receiver: failed"


class Program:
    """
    Started when it is made, under the guard that ends it with the benchmark.

    Parameters
    ----------
    name : str
        Of its folder.
    folder : Path
        Where that is made.
    argv : sequence of str
        The command.
    environ : mapping
        Added to the environment.

    Attributes
    ----------
    began : float
        When it was started, by the monotonic clock.
    """

    def __init__(
        self, name: str, folder: Path, argv: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        home = folder / name
        home.mkdir()
        own = {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}
        self.began = time.monotonic()
        self.process = Process(argv, home, {**environ, **own})
        self._guard = self.process._popen.pid  # noqa: SLF001 - a process of the tests

    @property
    def pid(self) -> int:
        """The process itself."""
        return wait_until(lambda: children(self._guard), 10, f"{self.process.name} started")[0]

    def expect(self, said: str, timeout_s: float = 120.0) -> float:
        """Wait until it has said something; return when that was."""
        deadline = time.monotonic() + timeout_s
        while said not in (text := self.process.log.read_text(errors="replace")):
            over = not self.process.alive or time.monotonic() > deadline
            if over or _FAILED in text:
                raise RuntimeError(f"it has not said {said!r}:\n{self.process.tail()}")
            time.sleep(_LOOK_S)
        return time.monotonic()

    def terminate(self) -> float:
        """Ask it to end; return when that was."""
        at = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        return at

    def kill(self) -> float:
        """Kill it and all that it has started; return when that was."""
        at = time.monotonic()
        self.process.kill()
        return at
