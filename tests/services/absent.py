# SPDX-License-Identifier: BSD-3-Clause
"""A service that cannot be started here."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["Absent", "program"]

_ALSO = ("/usr/lib/rabbitmq/bin", "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


class Absent(Exception):
    """What is missing, and how to get it: a skip on a laptop, a failure in CI."""


def program(name: str, hint: str, *, prefer: str | None = None) -> str:
    """
    Return the full path of a program.

    Parameters
    ----------
    name : str
        The program.
    hint : str
        What to install when it is missing.
    prefer : str, optional
        A folder to look into before the search path.

    Raises
    ------
    Absent
        When it is not installed.
    """
    found = (shutil.which(name, path=prefer) if prefer else None) or shutil.which(name)
    found = found or next((str(p) for d in _ALSO if (p := Path(d) / name).is_file()), None)
    if found is None:
        raise Absent(f"{name} is not installed: {hint}")
    return found
