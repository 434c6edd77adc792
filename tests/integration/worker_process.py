# SPDX-License-Identifier: BSD-3-Clause
"""A real ``celery worker`` in a process of its own, with its output in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.services.wait import wait_until

__all__ = ["WorkerProcess"]


class WorkerProcess:
    """Started when it is made; ends with :meth:`stop` or :meth:`kill`.

    Parameters
    ----------
    name : str
        Node name, and name of the log file.
    folder : Path
        Where the log goes.
    environment : dict
        For the app; on top of ours.
    options : list of str
        For ``celery worker``.
    module : str
        Where its app is.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        environment: dict[str, str],
        options: list[str],
        module: str = "tests.integration.followup",
    ) -> None:
        self.log = folder / f"{name}.log"
        app = ["-A", module, "worker", "-n", f"{name}@%h"]
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "celery", *app, *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")

    def expect(self, said: str, timeout_s: float = 90.0) -> None:
        """Wait until it has said something; it must not have ended before."""
        wait_until(
            lambda: said in self.text or self.popen.poll() is not None,
            timeout_s,
            f"the worker says {said!r}, see {self.log}",
        )
        assert said in self.text, self.text[-3000:]

    def listen(self) -> WorkerProcess:
        """Wait until it receives, consumes, and answers remote control."""
        self.expect("receiver: running")
        self.expect(" ready.")
        return self

    def stop(self, timeout_s: float = 60.0) -> int:
        """End it with SIGTERM; return its exit code."""
        self.popen.terminate()
        return self.popen.wait(timeout_s)

    def kill(self) -> None:
        """End it and its pool with SIGKILL, at once."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
