# SPDX-License-Identifier: BSD-3-Clause
"""What librdkafka itself says, in Python's log: the same line once a minute, not once a try."""

from __future__ import annotations

import logging
import re
import time

__all__ = ["librdkafka_logger"]

_REPEAT_S = 60.0
_MOST_TEXTS = 1000


def librdkafka_logger() -> logging.Logger:
    """Return the logger that a client takes as its option ``logger``."""
    logger = logging.getLogger("igwn_alert_celery.kafka.librdkafka")
    if not logger.filters:
        logger.addFilter(_OncePerMinute())
    return logger


class _OncePerMinute(logging.Filter):
    """While a broker is away librdkafka tells so at each try, about ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line like it has not been said within the last minute."""
        text, now = re.sub(r"\d+", "#", record.getMessage()), time.monotonic()
        if now < self._said_at.get(text, -_REPEAT_S) + _REPEAT_S:
            return False
        if len(self._said_at) > _MOST_TEXTS:
            self._said_at.clear()
        self._said_at[text] = now
        return True
