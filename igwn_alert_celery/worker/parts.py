# SPDX-License-Identifier: BSD-3-Clause
"""What a receiver works with, connected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from igwn_alert_celery.kafka.consumer import Consumer
from igwn_alert_celery.metrics import Metrics, State
from igwn_alert_celery.worker.first_requests import FirstRequests
from igwn_alert_celery.worker.positions import Positions
from igwn_alert_celery.worker.topic_watch import TopicWatch
from igwn_alert_celery.worker.writer import Writer

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a receiver works with.

    ``handlers_mark`` stands in its commits; ``set_state`` announces a state and its detail.
    """

    consumer: Consumer
    enqueuer: Any
    topics: TopicWatch
    requests: FirstRequests
    positions: Positions
    writer: Writer
    metrics: Metrics
    handlers_mark: str
    set_state: Callable[[State, str], None]
