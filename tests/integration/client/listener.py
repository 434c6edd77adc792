# SPDX-License-Identifier: BSD-3-Clause
"""A client that listens in a thread of the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.kafka.reader import Reader
from tests.services.wait import wait_until

__all__ = ["Listener"]


class Listener:
    """Listens from when it is made; ``heard`` are pairs of topic and payload."""

    def __init__(
        self, client: Any, topic: Any, callback: Callable[[str, Any], None] | None = None
    ) -> None:
        self.client = client
        self.heard: list[tuple[str, Any]] = []
        self.raised: BaseException | None = None
        self._callback = callback
        self._topic = topic
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    @property
    def uids(self) -> list[str]:
        """The uid of each alert that it was called with."""
        return [_alert(payload)["uid"] for _, payload in self.heard]

    @property
    def is_reading(self) -> bool:
        """Whether it has positions in all its partitions."""
        stream = self.client._listen_stream
        if stream is None or not stream._source.positions:
            return False
        source = stream._source
        return source._starts.is_settled if isinstance(source, Reader) else not source._consumer.new

    def ready(self) -> Listener:
        """Wait until it reads."""
        wait_until(lambda: self.is_reading or self.raised, 90, "the listener reads")
        assert self.raised is None, self.raised
        return self

    def expect_count(self, count: int, timeout_s: float = 90.0) -> None:
        """Wait until it has heard so many."""
        wait_until(lambda: len(self.heard) >= count or self.raised, timeout_s, f"{count} alerts")

    def expect(self, uids: list[str], timeout_s: float = 90.0) -> None:
        """Wait until it has heard these, and check that it has heard nothing else."""
        wait_until(
            lambda: len(self.heard) >= len(uids) or self.raised, timeout_s, f"{uids}: {self.uids}"
        )
        assert sorted(self.uids) == sorted(uids)

    def stop(self, timeout_s: float = 60.0) -> None:
        """Stop it as a program does, from another thread."""
        self.client.stop()
        self.wait(timeout_s)

    def wait(self, timeout_s: float = 60.0) -> BaseException | None:
        """Wait until it has ended; return what it raised."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive()
        return self.raised

    def _listen(self) -> None:
        try:
            self.client.listen(self._heard, self._topic)
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            self.raised = exc

    def _heard(self, topic: str, payload: Any) -> None:
        if self._callback is not None:
            self._callback(topic, payload)
        self.heard.append((topic, payload))


def _alert(payload: Any) -> Any:
    return json.loads(payload) if isinstance(payload, (str, bytes)) else payload
