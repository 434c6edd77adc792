# SPDX-License-Identifier: BSD-3-Clause
"""The worker's process, and all that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from igwn_alert_celery.playground.environment import FOLDER, HANDLERS

__all__ = ["WorkerProcess"]

_STOP_S = 8.0
_KILLED_S = 2.0
_LOOK_S = 0.02
_LOG_LINES = 12
_CELERY = (sys.executable, "-m", "celery", "-A", "igwn_alert_celery.playground.worker")
_OPTIONS = ("-l", "INFO", "-P", "prefork", "-c", "2", "-n", "playground@%h")
# There is no other worker to speak to.
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class WorkerProcess:
    """A real ``celery worker`` on an embedded Kafka; starts at once.

    Parameters
    ----------
    folder : Path
        Where it keeps its task broker, its report and its log.
    address : str
        Kafka's ``host:port``.
    handlers : Path, optional
        The visitor's Python file with handlers.
    """

    def __init__(self, folder: Path, address: str, handlers: Path | None) -> None:
        self.log = folder / "worker.log"
        # Settings of the visitor's own deployment do not belong here.
        others = {
            k: v for k, v in os.environ.items() if not k.startswith(("IGWN_ALERT_", "CELERY"))
        }
        ours = {
            "IGWN_ALERT_SERVER": f"kafka://{address}/",
            # Celery's pool makes folders of its own, which would stay when it is killed.
            "TMPDIR": str(folder),
            FOLDER: str(folder),
            HANDLERS: str(handlers or ""),
        }
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*_CELERY, "worker", *_OPTIONS, *_ALONE],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**others, **ours},
                # Ctrl-C on the terminal is for the playground, which ends the worker in order.
                start_new_session=True,
            )

    @property
    def end(self) -> str:
        """How it ended: ``exit code 1``, ``SIGKILL``; empty while it runs."""
        code = self._popen.poll()
        if code is None:
            return ""
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_LOG_LINES:])

    def stop(self) -> None:
        """End it in order, after some seconds by force, with all that it has started."""
        self._popen.terminate()
        # What has not ended by then is killed.
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_STOP_S)
        self._kill_group()
        if self._popen.stdin is not None:
            self._popen.stdin.close()

    def _kill_group(self) -> None:
        deadline = time.monotonic() + _KILLED_S
        try:
            while time.monotonic() < deadline:
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.poll()
                time.sleep(_LOOK_S)
        except (ProcessLookupError, PermissionError):
            # The group is empty, or (on macOS) holds only zombies.
            return
