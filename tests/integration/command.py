# SPDX-License-Identifier: BSD-3-Clause
"""The command ``igwn-alert-celery`` as people run it: a process, on a pipe or on a terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services.wait import wait_until

__all__ = ["Command", "Running", "commanding"]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SCRIPT = Path(sysconfig.get_path("scripts")) / "igwn-alert-celery"
_CELERY = _SCRIPT.with_name("celery")


class Running:
    """A command that runs, with what it has written so far."""

    def __init__(self, argv: list[str], environment: dict[str, str], *, tty: bool) -> None:
        ours, theirs = pty.openpty() if tty else os.pipe()
        self._written = bytearray()
        self.popen = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs if tty else subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        threading.Thread(target=self._read, args=(ours,), daemon=True).start()

    @property
    def text(self) -> str:
        """What it has written, without colours and what else is for the terminal."""
        return _ANSI.sub("", self._written.decode(errors="replace"))

    def expect(self, said: str, timeout_s: float = 60.0) -> None:
        """Wait until it has written something."""
        wait_until(lambda: said in self.text, timeout_s, f"{said!r} in {self.text!r}")

    def end(self, signum: int = signal.SIGINT, timeout_s: float = 60.0) -> int:
        """Send a signal, and return the exit code."""
        self.popen.send_signal(signum)
        return self.popen.wait(timeout_s)

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.popen.kill()
        self.popen.wait()
        if self.popen.stderr is not None:
            self.popen.stderr.close()

    def _read(self, descriptor: int) -> None:
        with open(descriptor, "rb", buffering=0) as stream:
            try:
                while data := stream.read(4096):
                    self._written += data
            except OSError:
                # So a terminal ends whose other side is gone.
                return


class Command:
    """Runs the command with nothing of the developer's environment.

    Parameters
    ----------
    home : Path
        Without any credential.
    **environment
        For the command.
    """

    def __init__(self, home: Path, **environment: str) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("IGWN_ALERT_", "NETRC", "XDG_", "FOLLOWUP_"))
        }
        self.environment = {**inherited, "HOME": str(home), "TERM": "xterm", **environment}
        self._started: list[Running] = []

    def argv(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        return [str(_SCRIPT), *arguments]

    def run(
        self, *arguments: str, written: str = "", timeout_s: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; ``written`` is its standard input."""
        return subprocess.run(
            self.argv(*arguments),
            input=written,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environment,
            check=False,
        )

    def shell(self, line: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a line of bash, in which ``igwn-alert`` is the command, and ``celery`` Celery's."""
        function = f'igwn-alert() {{ "{_SCRIPT}" "$@"; }}\ncelery() {{ "{_CELERY}" "$@"; }}'
        return subprocess.run(
            ["bash", "-c", f"{function}\n{line}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environment,
            check=False,
        )

    def start(self, *arguments: str, tty: bool = False) -> Running:
        """Start it, on a terminal or with its output in a pipe."""
        running = Running(self.argv(*arguments), self.environment, tty=tty)
        self._started.append(running)
        return running

    def close(self) -> None:
        """Kill what still runs."""
        for running in self._started:
            running.close()


@contextmanager
def commanding(kafka: Any, topic_prefix: str, folder: Path) -> Iterator[Command]:
    """Give the command without an app, on this Kafka; end at last what it has started."""
    found = Command(
        folder,
        IGWN_ALERT_SERVER=f"kafka://{kafka.bootstrap}/",
        IGWN_ALERT_GROUP=topic_prefix,
        IGWN_ALERT_NOAUTH="1",
    )
    yield found
    found.close()
