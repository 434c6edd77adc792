# SPDX-License-Identifier: BSD-3-Clause
"""The playground's command in a process of its own, and a terminal to run it on."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

from tests.services.wait import wait_until

__all__ = ["Playground", "Terminal"]

COMMAND = [sys.executable, "-m", "igwn_alert_celery.playground"]
TERMINAL = {"TERM": "xterm", "COLUMNS": "", "LINES": ""}


class Playground:
    """The command as a process, with a temporary folder of its own."""

    def __init__(self, folder, *arguments, output=subprocess.PIPE):
        self.folder = folder
        self._mark = f"TEST_OF_PLAYGROUND={folder}"
        # A shell's background job ignores Ctrl-C, and so would ours; nobody at a terminal does.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.popen = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env={**os.environ, **TERMINAL, "TMPDIR": str(folder), **dict([self._mark.split("=")])},
            text=True,
            encoding="utf-8",
        )
        signal.signal(signal.SIGINT, before)

    def wait_for(self, words):
        """Wait until its worker has said this."""

        def said():
            try:
                return any(words in log.read_text(errors="replace") for log in self._logs())
            except OSError:
                return False  # it is being removed

        has_ended = self.popen.poll
        wait_until(lambda: said() or has_ended() is not None, 90, f"{words!r} of the worker")

    def worker_log(self):
        """Return the file that its worker writes to."""
        return next(self._logs())

    def _logs(self):
        return self.folder.glob("*/worker.log")

    def wait_until_running(self):
        self.wait_for("receiver: running")
        wait_until(lambda: list(self.folder.glob("*.address")), 60, "the open door")

    def send(self, *arguments):
        """Send from another process, and return what that says."""
        done = subprocess.run(
            [*COMMAND, "send", *arguments],
            env={**os.environ, "TMPDIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def end(self, signum=None):
        """Wait for its end; return exit code, output and errors."""
        if signum is not None:
            self.popen.send_signal(signum)
        output, errors = self.popen.communicate(timeout=150)
        return self.popen.returncode, output, errors

    def worker(self):
        """Return the process id of its worker, which it has started itself."""
        return wait_until(lambda: next(self._children(), None), 60, "a worker")

    def _children(self):
        for pid in self.processes():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue  # it has ended
            if f"\nPPid:\t{self.popen.pid}\n" in status:
                yield pid

    def processes(self):
        """Return the ids of all processes that have come from it."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                variables = (path / "environ").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended, or is somebody else's
            if self._mark.encode() in variables:
                found.append(int(path.name))
        return sorted(found)

    def left_behind(self):
        """Return its files and processes that stay; what was killed may take a moment."""
        try:
            wait_until(lambda: not self._left(), 60, "nothing left behind")
        except TimeoutError:
            return self._left()
        return []

    def _left(self):
        return [*self.folder.iterdir(), *self.processes()]

    def kill(self):
        """Kill it; its worker ends with it."""
        self.popen.kill()
        self.popen.wait(60)
        assert self.left_behind() == [], self.folder


class Terminal:
    """A terminal of so many columns and 60 lines, and what is drawn on it."""

    def __init__(self, columns):
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
        self._drawn = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self):
        """Return what was there at the end, and every line that was ever drawn."""
        os.close(self.theirs)
        self._reader.join()
        os.close(self._ours)
        screen, row, ever = [""], 0, []
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\n|[^\x1b\r\n]+", self._drawn.decode()):
            if token == "\n":
                row += 1
                screen.extend([""] * (row + 1 - len(screen)))
            elif token == "\x1b[1A":
                row -= 1
            elif token == "\x1b[2K":
                screen[row] = ""
            elif not token.startswith("\x1b"):
                screen[row] += token
                ever.append(screen[row])
        return "\n".join(screen), ever

    def _read(self):
        try:
            while data := os.read(self._ours, 65536):
                self._drawn += data
        except OSError:
            pass  # so a terminal says that its last writer has gone
