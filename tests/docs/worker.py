# SPDX-License-Identifier: BSD-3-Clause
"""A real worker as the documents start it, and the alerts that they send."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.docs.markdown import ROOT
from tests.services.process import Process
from tests.services.wait import wait_until

__all__ = ["ALERT", "Deployment", "read"]

ALERT = (ROOT / "examples" / "alert.json").read_text().strip()


class Deployment:
    """Topics of a group of its own on real Kafka, an empty Redis, and the environment for both.

    The environment wins over the documents' code, so that it runs as it is printed.
    """

    def __init__(self, kafka: Any, redis_server: Any, topics: Sequence[str]) -> None:
        redis_server.client().flushdb()
        self._kafka = kafka
        self.group = f"docs-{uuid.uuid4().hex[:8]}"
        for topic in topics:
            kafka.create_topic(f"{self.group}.{topic}", 4)
        self.environ = {
            "CELERY_BROKER_URL": redis_server.url,
            "IGWN_ALERT_CONSUMER_GROUP": f"{self.group}-readers",
            "IGWN_ALERT_GROUP": self.group,
            "IGWN_ALERT_NOAUTH": "true",
            "IGWN_ALERT_SERVER": f"kafka://{kafka.bootstrap}/",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, command: Sequence[str], folder: Path, **environ: str) -> Process:
        """Start a worker; what it prints goes into a file of the folder."""
        return Process(command, folder, {**self.environ, **environ})

    def send(self, topic: str, value: str = ALERT) -> None:
        """Send one alert, all of a topic to one partition."""
        self._kafka.send(f"{self.group}.{topic}", value, partition=0)
        self._kafka.flush()


def read(process: Process, until: str, timeout_s: float = 90.0) -> str:
    """Wait until a text is printed, and return all that was."""

    def printed() -> str:
        text = process.log.read_text(errors="replace")
        if until not in text and not process.alive:
            raise AssertionError(f"the worker ended without {until!r}:\n{text}")
        return text if until in text else ""

    try:
        return wait_until(printed, timeout_s, repr(until))
    except TimeoutError as exc:
        raise AssertionError(f"{exc}:\n{process.tail()}") from exc
