# SPDX-License-Identifier: BSD-3-Clause
"""Where another terminal of the same user finds the embedded Kafka of an open playground."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from igwn_alert_celery.playground.errors import PlaygroundError

__all__ = ["find_address", "open_door"]


@contextmanager
def open_door(address: str) -> Iterator[Path]:
    """Keep the address in a file of ours while the playground is open; the latest one counts."""
    path = _path()
    text = f"{address} {os.getpid()}"
    try:
        path.unlink(missing_ok=True)
        # Exclusive, so that nobody else's file is followed in a folder that all may write to.
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as door:
            door.write(text)
    except OSError as exc:
        raise PlaygroundError(
            f"cannot write {path} ({exc.strerror}): set TMPDIR to a folder of your own"
        ) from exc
    try:
        yield path
    finally:
        if path.exists() and path.read_text() == text:
            path.unlink()


def find_address() -> str:
    """Return ``host:port``.

    Raises
    ------
    PlaygroundError
        No playground of this user is open.
    """
    path = _path()
    try:
        if path.lstat().st_uid != os.getuid():
            raise PlaygroundError(f"{path} belongs to another user: give --server HOST:PORT")
        address, _, pid = path.read_text(errors="replace").partition(" ")
    except FileNotFoundError:
        address, pid = "", ""
    if not pid.isdecimal() or not _is_alive(int(pid)):
        raise PlaygroundError(
            "no playground is open: run `make playground` (python -m igwn_alert_celery.playground) "
            "in another terminal first"
        )
    return address


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError, OverflowError):
        return False  # nobody, or somebody else's process under that number
    return True


def _path() -> Path:
    return Path(tempfile.gettempdir()) / f"igwn-alert-playground-{os.getuid()}.address"
