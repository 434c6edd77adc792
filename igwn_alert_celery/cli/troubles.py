# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka complains about while `listen` listens, said once a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from igwn_alert_celery.cli.report import problem
from igwn_alert_celery.errors import KafkaRefused
from igwn_alert_celery.settings import Settings

if TYPE_CHECKING:
    from igwn_alert_celery.kafka.consumer import Problem

__all__ = ["Troubles"]

logger = logging.getLogger(__name__)

REPEAT_S = 60.0
_FORBIDDEN = "TOPIC_AUTHORIZATION_FAILED"


class Troubles:
    """Tells problems; gives up only where nothing is left to listen to.

    Parameters
    ----------
    settings : Settings
    topics : sequence of str
        What is listened to, without the group.
    """

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._wanted = {settings.full_topic(topic) for topic in topics}
        self._forbidden: set[str] = set()
        self._said_at: dict[tuple[str, str | None], float] = {}

    def note(self, problems: Iterable[Problem]) -> None:
        """Say what is new.

        Raises
        ------
        KafkaRefused
            The credential may read none of the topics.
        """
        for found in problems:
            logger.info("Kafka: %s %s", found.code, found.text)
            if found.code == _FORBIDDEN and found.topic is not None:
                self._forbidden.add(found.topic)
                text = f"your credential may not read {found.topic}: ask its owner for permission"
                if self._forbidden >= self._wanted:
                    raise KafkaRefused(text)
            else:
                text = f"Kafka: {found.text}; going on by itself"
            self._say((found.code, found.topic), text)

    def _say(self, which: tuple[str, str | None], text: str) -> None:
        now = time.monotonic()
        if now - self._said_at.get(which, -REPEAT_S) >= REPEAT_S:
            self._said_at[which] = now
            problem(text)
