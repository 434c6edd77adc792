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

_PROBE = "probe"
_PROGRAM = Path(__file__).with_name("original_program.py")


class OriginalListener:
    """Listens from when it is made, and is :meth:`ready` when it has heard a probe everywhere.

    It starts at LATEST, some time after it was started and in each partition by itself, so only a
    probe in each tells when.
    """

    def __init__(
        self, original: Any, kafka: Any, topic: str, folder: Path, consumer_group: str = "-"
    ) -> None:
        group, _, short = topic.partition(".")
        self._kafka, self._topic = kafka, topic
        self._partitions = set(kafka.partitions(topic))
        self._log = folder / "original.log"
        host, _, port = kafka.bootstrap.partition(":")
        argv = [str(original.python), str(_PROGRAM), "listen", host, port, group]
        self._popen = original.start([*argv, consumer_group, short], folder, self._log)

    @property
    def heard(self) -> list[dict[str, Any]]:
        """What its callback was called with, but for probes."""
        return [line for line in self._calls() if _probed(line) is None]

    def ready(self) -> OriginalListener:
        """Send probes until it hears one of each partition."""
        wait_until(self._hears, 120, "igwn-alert listens")
        return self

    def expect(self, count: int) -> list[dict[str, Any]]:
        """Wait until it has heard so much; return it."""
        wait_until(lambda: len(self.heard) >= count, 90, f"{count}: {self._text()[-3000:]}")
        return self.heard

    def stop(self) -> None:
        """End it as ctrl-C does."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGINT)
        self._popen.wait(60)

    def _hears(self) -> bool:
        assert self._popen.poll() is None, self._text()
        silent = self._partitions - {_probed(line) for line in self._calls()}
        for partition in silent:
            probe = {"uid": _PROBE, "alert_type": _PROBE, "partition": partition}
            self._kafka.send(self._topic, json.dumps(json.dumps(probe)), partition=partition)
        self._kafka.flush()
        return not silent

    def _text(self) -> str:
        return self._log.read_text(errors="replace")

    def _calls(self) -> list[dict[str, Any]]:
        # The last line may not be whole yet.
        lines = self._text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line[:8] == '{"topic"' and line[-1] == "\n"]


def _probed(line: dict[str, Any]) -> Any:
    """Return the partition of a probe; None for every other alert."""
    alert = line["alert"]
    is_probe = isinstance(alert, dict) and alert.get("alert_type") == _PROBE
    return alert["partition"] if is_probe else None


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
        timeout=120,
        capture_output=True,
        env=original.environ(folder),
    )
