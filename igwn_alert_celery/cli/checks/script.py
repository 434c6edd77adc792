# SPDX-License-Identifier: BSD-3-Clause
"""Whose is the command ``igwn-alert`` on PATH? The package igwn-alert installs that name too."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from importlib.metadata import entry_points
from pathlib import Path

from igwn_alert_celery.cli.checks.check import Failed, Skipped
from igwn_alert_celery.cli.checks.patient import Patient

__all__ = ["script"]

_NAME = "igwn-alert"
_OURS = "igwn_alert_celery"
_IMPORT = re.compile(rb"^\s*from\s+(\w+)[\w.]*\s+import\b", re.MULTILINE)
_MOST_BYTES = 4096


def script(_patient: Patient) -> str:
    """Look at the file that a shell would run."""
    path = shutil.which(_NAME)
    if path is None:
        raise Skipped(f"no {_NAME} on PATH: `{sys.executable} -m {_OURS}` always works")
    module = _module_of(Path(path))
    if module != _OURS:
        raise Failed(
            f"{path} is {_owner(module)}'s",
            f"use the command igwn-alert-celery, which is ours alone, or `pip install "
            f"--force-reinstall --no-deps igwn-alert-celery` to have {_NAME} as well",
        )
    here = Path(sysconfig.get_path("scripts"))
    if Path(path).parent.resolve() != here.resolve():
        raise Failed(
            f"{path} belongs to another environment than {here}",
            f"activate the environment that you mean, or call {here / _NAME}",
        )
    return f"{path} is {_owner(module)}'s"


def _module_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(_MOST_BYTES)
    except OSError:
        return None
    found = [name.decode() for name in _IMPORT.findall(head) if name != b"re"]
    return found[0] if found else None


def _owner(module: str | None) -> str:
    if module is None:
        return "something unknown"
    for point in entry_points(group="console_scripts", name=_NAME):
        if point.module.partition(".")[0] == module and point.dist is not None:
            return f"{point.dist.name} {point.dist.version}"
    return f"{module} (of another environment)"
