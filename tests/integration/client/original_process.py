# SPDX-License-Identifier: BSD-3-Clause
"""The real igwn-alert client in a process of its own: listening, or sending some messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.services.wait import wait_until

__all__ = ["OriginalListener", "original_send"]

_PROBE = {"uid": "probe", "alert_type": "probe"}
_PROGRAM = Path(__file__).with_name("original_program.py")


class OriginalListener:
    """Listens from when it is made, and is :meth:`ready` when it has heard a probe.

    It starts at LATEST, some time after it was started, so only a probe tells when.
    """

    def __init__(
        self, original: Any, kafka: Any, topic: str, folder: Path, consumer_group: str = "-"
    ) -> None:
        group, _, short = topic.partition(".")
        self._kafka, self._topic = kafka, topic
        self._log = folder / "original.log"
        host, _, port = kafka.bootstrap.partition(":")
        argv = [str(original.python), str(_PROGRAM), "listen", host, port, group]
        self._popen = original.start([*argv, consumer_group, short], folder, self._log)

    @property
    def heard(self) -> list[dict[str, Any]]:
        """What its callback was called with, but for probes."""
        lines = [json.loads(line) for line in self._lines() if line.startswith('{"topic"')]
        return [line for line in lines if not _is_probe(line)]

    def ready(self) -> OriginalListener:
        """Send probes until it hears one."""
        wait_until(self._hears, 60, "igwn-alert listens")
        return self

    def expect(self, count: int) -> list[dict[str, Any]]:
        """Wait until it has heard so much; return it."""
        wait_until(lambda: len(self.heard) >= count, 30, f"{count}: {self._text()[-3000:]}")
        return self.heard

    def stop(self) -> None:
        """End it as ctrl-C does."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGINT)
        self._popen.wait(20)

    def _hears(self) -> bool:
        assert self._popen.poll() is None, self._text()
        if any(line.startswith('{"topic"') for line in self._lines()):
            return True
        for partition in (0, 1):
            self._kafka.send(self._topic, json.dumps(json.dumps(_PROBE)), partition=partition)
        self._kafka.flush()
        return False

    def _text(self) -> str:
        return self._log.read_text(errors="replace")

    def _lines(self) -> list[str]:
        return self._text().splitlines()


def _is_probe(line: dict[str, Any]) -> bool:
    return line["alert"] == _PROBE


def original_send(
    original: Any, kafka: Any, action: str, topic: str, messages: list[Any], folder: Path
) -> None:
    """Let the real client send messages, by ``publish`` or (``queue``) ``publish_to_topic``."""
    group, _, short = topic.partition(".")
    host, _, port = kafka.bootstrap.partition(":")
    argv = [str(original.python), str(_PROGRAM), action, host, port, group, "-", short]
    subprocess.run(
        argv,
        input=json.dumps(messages),
        text=True,
        check=True,
        timeout=60,
        capture_output=True,
        env=original.environ(folder),
    )
