# SPDX-License-Identifier: BSD-3-Clause
"""The real igwn-alert 0.7.0 together with Celery, in an environment made once, in ``.cache``.

It stands on the one of :mod:`tests.services.igwn_alert` and adds Celery to a copy of its own.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.services.absent import Absent
from tests.services.igwn_alert import IGWNAlertEnvironment

__all__ = ["TODAYS", "todays_python"]

# The versions that this package's own environment has, so that only the way differs.
TODAYS = ("celery", "kombu", "redis")
_CACHE = Path(__file__).parents[2] / ".cache" / "todays_way"
_TIMEOUT_S = 600.0


def todays_python(versions: dict[str, str]) -> Path:
    """
    Return the Python of that environment; blocks while it is made, the first time.

    Parameters
    ----------
    versions : dict
        Of each package in `TODAYS`.

    Raises
    ------
    Absent
        When it is not there and cannot be made.
    """
    requirements = [f"{name}=={versions[name]}" for name in TODAYS] + ["packaging"]
    folder = _CACHE / "-".join(requirements).replace("==", "")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:  # test runs side by side install once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _make(folder, requirements)
    return folder / "bin" / "python"


def _make(folder: Path, requirements: list[str]) -> None:
    original = IGWNAlertEnvironment()
    shutil.rmtree(folder, ignore_errors=True)
    _checked([str(original.python), "-m", "venv", str(folder)])
    python = str(folder / "bin" / "python")
    (packages,) = (folder / "lib").glob("python3*/site-packages")
    (packages / "igwn_alert.pth").write_text(f"{original.site_packages()}\n")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _checked([*pip, *requirements])
    (folder / "ready").touch()


def _checked(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise Absent(f"today's way could not be installed into {_CACHE}:\n{done.stderr[-2000:]}")
