# SPDX-License-Identifier: BSD-3-Clause
"""Records whose batch was refused for its size, sent again: each in a batch of its own.

Kafka holds a topic's ``max.message.bytes`` against whole batches, and librdkafka does not divide
one that was refused: https://github.com/confluentinc/librdkafka/issues/488.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from igwn_alert_celery.errors import ConfigError, SendError, SendFailed
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer

__all__ = ["Alone"]

logger = logging.getLogger(__name__)


class Alone:
    """A second producer, made when it is first needed.

    Parameters
    ----------
    config : dict
        The first one's options. Holds secrets: never logged.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._batch_bytes = int(config["batch.size"])
        self._config = {**config, "batch.size": 1}
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._closed = False

    def may_help(self, record: OutgoingRecord) -> bool:
        """Whether a record that was refused for the size may have been in a batch with others."""
        return len(record.value) < self._batch_bytes

    def send(
        self, records: Sequence[OutgoingRecord], timeout_s: float
    ) -> list[Delivery | SendError]:
        """Send records and wait for their final reports; blocks for ``timeout_s``."""
        try:
            return self._usable().send(records, timeout_s)
        except ConfigError as exc:
            why = str(exc)
        except Exception as exc:
            # Border: the records of other batches are delivered, and must not be sent again.
            logger.exception("records of a batch that was refused for its size are not sent again")
            why = f"{type(exc).__name__}: {exc}"
        text = f"its batch was too large, and it could not be sent again alone: {why}"
        return [SendFailed(text, record.topic) for record in records]

    def close(self, timeout_s: float) -> int:
        """Send what is left, for so long, and close; return how many records were not sent."""
        with self._lock:
            self._closed = True
            return 0 if self._producer is None else self._producer.close(timeout_s)

    def _usable(self) -> Producer:
        with self._lock:
            if self._closed:
                raise ConfigError("the Kafka producer is closed")
            if self._producer is not None and self._producer.is_broken:
                self._producer.close(0.0)
                self._producer = None
            if self._producer is None:
                self._producer = Producer(self._config)
            return self._producer
