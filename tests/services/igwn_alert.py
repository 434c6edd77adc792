# SPDX-License-Identifier: BSD-3-Clause
"""The real igwn-alert 0.7.0, in an environment of its own that is made once, in ``.cache``.

It cannot share ours: both packages install a script ``igwn-alert``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.services.absent import Absent

__all__ = ["IGWNAlertEnvironment"]

# hop-client imports six without declaring it.
_REQUIREMENTS = ("igwn-alert==0.7.0", "six")
_CACHE = Path(__file__).parents[2] / ".cache" / "igwn_alert"
_TIMEOUT_S = 600.0


class IGWNAlertEnvironment:
    """
    Where the real igwn-alert is installed; blocks while it is, the first time.

    Attributes
    ----------
    python, command : Path
        Its Python, and its script ``igwn-alert``.

    Raises
    ------
    Absent
        When it is not there and cannot be installed.
    """

    def __init__(self) -> None:
        folder = _CACHE / _name()
        _CACHE.mkdir(parents=True, exist_ok=True)
        with (_CACHE / "lock").open("w") as lock:  # test runs side by side install once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "ready").exists():
                _install(folder)
        self.python = folder / "bin" / "python"
        self.command = folder / "bin" / "igwn-alert"

    def environ(self, home: Path) -> dict[str, str]:
        """Return an environment in which it finds no credential, nor our settings."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("IGWN_ALERT_", "PYTHON", "NETRC", "XDG_"))
        }
        return {**inherited, "HOME": str(home), "PYTHONUNBUFFERED": "1"}

    def start(self, argv: Sequence[str], home: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start one of its programs; what it prints goes to ``log``."""
        with log.open("ab") as output:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environ(home),
                start_new_session=True,
            )

    def run(self, argv: Sequence[str], home: Path, timeout_s: float = 60.0) -> str:
        """Run one of its programs to its end; return what it printed, or raise with it."""
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environ(home),
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def site_packages(self) -> Path:
        """Return the folder that its packages are in."""
        (found,) = (self.python.parent.parent / "lib").glob("python3*/site-packages")
        return found


def _name() -> str:
    what = " ".join((sys.version.split()[0], *_REQUIREMENTS))
    return hashlib.sha256(what.encode()).hexdigest()[:12]


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _checked([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip"]
    _checked([*pip, "install", "--quiet", "--disable-pip-version-check", *_REQUIREMENTS])
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as marker:
        marker.write("\n".join(_REQUIREMENTS))
    Path(marker.name).rename(folder / "ready")


def _checked(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise Absent(
            f"igwn-alert 0.7.0 could not be installed into {_CACHE}: let pip reach a package "
            f"index, and run `make services`:\n{done.stdout[-1000:]}{done.stderr[-2000:]}"
        )


def _main() -> int:
    try:
        IGWNAlertEnvironment()
    except Absent as exc:
        sys.stderr.write(f"Not installed: {exc}\nWithout it its tests skip.\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
