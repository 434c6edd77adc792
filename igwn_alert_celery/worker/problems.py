# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka reports in place of records: what to say of it, and what follows."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from igwn_alert_celery.kafka.consumer import Consumer, Problem
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import TopicPartition

__all__ = ["Problems"]

logger = logging.getLogger(__name__)

_WATCHED = {"UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED"}


class Problems:
    """For the receiver's thread.

    Parameters
    ----------
    consumer : Consumer
    metrics : Metrics
        Counts them.
    """

    def __init__(self, consumer: Consumer, metrics: Metrics) -> None:
        self._consumer = consumer
        self._metrics = metrics

    def take(self, problems: Iterable[Problem]) -> None:
        """Take what a poll has brought.

        Raises
        ------
        KafkaRefused
            The consumer group does not let us in any more.
        """
        for problem in problems:
            self._take(problem)

    def _take(self, problem: Problem) -> None:
        if problem.code in _WATCHED:
            # The watch on topics says it better, and says it again.
            logger.debug("Kafka: %s", problem.text)
            return
        self._metrics.counters["kafka_problems"] += 1
        logger.warning("Kafka: %s (%s)", problem.text, problem.topic)
        if problem.code == "GROUP_AUTHORIZATION_FAILED":
            self._consumer.refusals.check()
        if problem.code == "_AUTO_OFFSET_RESET" and problem.topic and problem.partition is not None:
            self._consumer.pause([TopicPartition(problem.topic, problem.partition)])
