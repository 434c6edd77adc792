# SPDX-License-Identifier: BSD-3-Clause
"""Kafka's answer to where partitions end, for a thread that must not wait for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import confluent_kafka

from igwn_alert_celery.kafka.calls import answer_of, ours
from igwn_alert_celery.record import TopicPartition

__all__ = ["Ends"]

logger = logging.getLogger(__name__)


class Ends:
    """An answer that is on its way.

    Parameters
    ----------
    futures : iterable of (confluent_kafka.TopicPartition, concurrent.futures.Future)
        As ``AdminClient.list_offsets`` returns them; each ends within the time of its request.
    """

    def __init__(self, futures: Iterable[tuple[Any, Any]]) -> None:
        self._futures = list(futures)

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return all(future.done() for _, future in self._futures)

    def offsets(self) -> dict[TopicPartition, int]:
        """Return the end of each partition that answered; for an answer that is done."""
        found = {}
        for part, future in self._futures:
            try:
                found[ours(part)] = int(answer_of(future).offset)
            except confluent_kafka.KafkaException as exc:
                logger.debug("%s[%d] does not tell its end: %s", part.topic, part.partition, exc)
        return found
