# SPDX-License-Identifier: BSD-3-Clause
"""Publishing over sessions that stay open: queued now, asked about later."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from igwn_alert_celery.errors import NotConnectedError

__all__ = ["Sessions", "listed"]

logger = logging.getLogger(__name__)


class Sessions:
    """The methods of ``client`` for sessions."""

    sessions: dict[str, Any]
    open: Callable[..., Any]
    _construct_topic_url: Callable[..., str]

    def connect(self, topics: str | Sequence[str]) -> None:
        """Open a session for each topic, for :meth:`publish_to_topic`; does not wait for Kafka."""
        for topic in listed(topics):
            self.sessions[topic] = self.open(self._construct_topic_url(topic), "w")
        logger.info("connected to topics %s", topics)

    def publish_to_topic(self, topic: str, msg: Any) -> None:
        """Queue a message for a connected topic; :meth:`flush_by_topic` tells whether it arrived.

        Raises
        ------
        NotConnectedError
            There is no session for the topic.
        """
        self._session(topic).write(msg)
        logger.info("queued a message for topic %s", topic)

    def flush_by_topic(self, topic: str) -> None:
        """Wait for the acknowledgement of what was queued for a topic, 60 s at most.

        Raises
        ------
        SendError
            Something was not delivered.
        NotConnectedError
            There is no session for the topic.
        """
        self._session(topic).flush()

    def disconnect(self, topics: str | Sequence[str] | None = None) -> None:
        """Flush and end the sessions of these topics, or all; a topic without one is warned of.

        Raises
        ------
        SendError
            Something was not delivered; the other sessions are ended all the same.
        """
        failed = []
        for topic in list(self.sessions) if not topics else listed(topics):
            if topic not in self.sessions:
                warnings.warn(f"there is no session for topic {topic}", stacklevel=2)
                continue
            session = self.sessions.pop(topic) if topics else self.sessions[topic]
            try:
                session.close()
            except Exception as exc:  # noqa: BLE001 - raised below, when all are ended
                failed.append(exc)
        if failed:
            raise failed[0]

    def _session(self, topic: str) -> Any:
        if topic not in self.sessions:
            raise NotConnectedError(f"there is no session for topic {topic!r}: connect() it first")
        return self.sessions[topic]


def listed(topics: str | Sequence[str]) -> list[str]:
    """Return one topic or several as a list."""
    return [topics] if isinstance(topics, str) else list(topics)
