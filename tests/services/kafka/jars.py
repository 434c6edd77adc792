# SPDX-License-Identifier: BSD-3-Clause
"""Kafka's jars, fetched once and kept in ``.cache/kafka``."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import tempfile
from pathlib import Path

from tests.services.absent import Absent, program

__all__ = ["kafka_jars"]

_POM = Path(__file__).with_name("pom.xml")
_CACHE = Path(__file__).parents[3] / ".cache" / "kafka"
_TIMEOUT_S = 600.0


def kafka_jars() -> Path:
    """
    Return the folder with the jars that ``pom.xml`` pins; blocks while they are fetched.

    Raises
    ------
    Absent
        When they are not cached and Maven is missing or fails.
    """
    jars = _CACHE / hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:  # test runs side by side fetch once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    mvn = program("mvn", "apt-get install maven")
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        whole = Path(folder) / "jars"
        goal = "dependency:copy-dependencies"
        argv = [mvn, "-q", "-B", "-f", str(_POM), goal, f"-DoutputDirectory={whole}"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if done.returncode:
            raise Absent(f"Maven could not fetch Kafka:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
        whole.rename(jars)
