# SPDX-License-Identifier: BSD-3-Clause
"""One playground: a folder, an embedded Kafka and a Celery worker, all gone at its end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igwn_alert_celery.kafka.embedded import EmbeddedKafka
from igwn_alert_celery.playground.errors import PlaygroundError
from igwn_alert_celery.playground.process import WorkerProcess
from igwn_alert_celery.playground.report import Report
from igwn_alert_celery.playground.topics import TOPIC_PREFIX, TOPICS

__all__ = ["Session", "open_session"]

_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Session:
    """What runs: Kafka's ``address`` (``host:port``), the worker and its report."""

    address: str
    worker: WorkerProcess
    report: Report

    def steps(self) -> list[dict[str, Any]]:
        """Return what the worker has reported since the last call; does not block.

        Raises
        ------
        PlaygroundError
            The worker has ended, or its receiver does not run.
        """
        # Asked first, so that its last words are read before it counts as ended.
        end = self.worker.end
        steps = self.report.new()
        for step in steps:
            if step["step"] == "refused":
                raise PlaygroundError(step["why"])
            if step["step"] == "state" and step["state"] == "failed":
                raise PlaygroundError(f"the receiver does not run: {step['detail']}")
        if end:
            raise PlaygroundError(
                f"the worker ended by itself ({end}); its last lines:\n{self.worker.log_tail()}"
            )
        return steps

    def wait_until_running(self, timeout_s: float, check: Callable[[], None]) -> list[list[str]]:
        """Wait until the worker receives; ``check`` is called in between, and may raise.

        Returns
        -------
        list of list of str
            Name, topics and purpose of each handler.

        Raises
        ------
        PlaygroundError
            It did not within the time, or has ended.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            check()
            for step in self.steps():
                if step["step"] == "state" and step["state"] == "running":
                    handlers: list[list[str]] = step["handlers"]
                    return handlers
            time.sleep(_LOOK_S)
        raise PlaygroundError(
            f"the worker does not listen after {timeout_s:g} s; its last lines:\n"
            f"{self.worker.log_tail()}"
        )


@contextmanager
def open_session(handlers: Path | None = None) -> Iterator[Session]:
    """Start everything, and end it afterwards.

    Parameters
    ----------
    handlers : Path, optional
        The visitor's Python file with handlers.
    """
    with ExitStack() as ending:
        name = ending.enter_context(tempfile.TemporaryDirectory(prefix="igwn-alert-playground-"))
        folder = Path(name)
        kafka = EmbeddedKafka(f"{TOPIC_PREFIX}{topic}" for topic in TOPICS)
        ending.callback(kafka.close)
        report = Report(folder)
        ending.callback(report.close)
        worker = WorkerProcess(folder, kafka.address, handlers)
        ending.callback(worker.stop)
        yield Session(kafka.address, worker, report)
