# SPDX-License-Identifier: BSD-3-Clause
"""What is done to Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.faults.fault import Fault
from tests.faults.link_faults import link_faults
from tests.faults.servers import frozen
from tests.faults.stage import Stage

__all__ = ["KAFKA_FAULTS", "kafka_away"]

AWAY_S = 5.0
# Longer than a consumer's session.
HANGING_S = 15.0


@contextmanager
def kafka_away(stage: Stage) -> Iterator[None]:
    """Tell the story of a Kafka that cannot be reached in this time."""
    yield
    stage.story.kafka_was_away(time.monotonic())


def _restart(stage: Stage) -> None:
    with kafka_away(stage):
        stage.servers.kafka.stop()
        stage.last_for(AWAY_S)
        stage.servers.kafka.start()


def _crash(stage: Stage) -> None:
    with kafka_away(stage):
        stage.servers.kafka.kill()
        stage.servers.kafka.start()


def _freeze(stage: Stage) -> None:
    with kafka_away(stage), frozen(stage.servers.kafka):
        stage.last_for(HANGING_S)


_on_kafka = partial(Fault, resume_limit_s=None)

KAFKA_FAULTS = (
    _on_kafka("Kafka: stopped for 5 s, started again", _restart),
    _on_kafka("Kafka: kill -9, started again", _crash),
    _on_kafka("Kafka: SIGSTOP for 15 s", _freeze),
    *link_faults("kafka", "Kafka", _on_kafka, kafka_away),
)
