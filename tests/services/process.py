# SPDX-License-Identifier: BSD-3-Clause
"""A guarded process of a service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.services.wait import wait_until

__all__ = ["Process"]

_GUARD = Path(__file__).with_name("guard.py")


class Process:
    """
    A command in its own session, so that ctrl-C reaches only the tests, which then end it.

    Parameters
    ----------
    argv : sequence of str
        The command.
    folder : Path
        Its working folder; what it prints goes to ``output.log`` in it.
    environ : mapping, optional
        Added to the environment.
    """

    def __init__(
        self, argv: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(argv[0]).name
        self.log = folder / "output.log"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-S", str(_GUARD), *argv],
                cwd=folder,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._popen.poll() is None

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready()`; when the process ends first, raise with the end of its log."""

        def ready_or_dead() -> bool:
            return not self.alive or ready()

        try:
            wait_until(ready_or_dead, timeout_s, f"{self.name} ready")
        except TimeoutError as exc:
            self.kill()
            raise TimeoutError(f"{exc}:\n{self.tail()}") from exc
        if not self.alive:
            raise RuntimeError(f"{self.name} ended by itself:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-3000:]

    def terminate(self, timeout_s: float = 60.0) -> None:
        """Ask it to end, and kill it when it has not after `timeout_s`."""
        if self.alive:
            self._popen.send_signal(signal.SIGTERM)
            try:
                self._popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                pass  # killed below
        self.kill()

    def suspend(self) -> None:
        """Stop it where it stands, its connections open, until :meth:`resume` or :meth:`kill`."""
        os.killpg(self._popen.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self._popen.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill the whole process group, guard included."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        try:
            os.killpg(self._popen.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # the group is empty, or (on macOS) holds only zombies
        self._popen.wait()
