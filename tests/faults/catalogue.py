# SPDX-License-Identifier: BSD-3-Clause
"""Every line of the table: fault × task broker × pool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.fault import Fault
from tests.faults.kafka_faults import KAFKA_FAULTS
from tests.faults.rabbitmq_faults import RABBITMQ_FAULTS
from tests.faults.redis_faults import REDIS_FAULTS
from tests.faults.special import SPECIAL
from tests.faults.ways import OURS, Way
from tests.faults.worker_faults import WORKER_FAULTS

__all__ = ["FAULTS", "Row", "find", "rows", "todays_rows"]

FAULTS = (*WORKER_FAULTS, *REDIS_FAULTS, *RABBITMQ_FAULTS, *KAFKA_FAULTS, *SPECIAL)

# What is done to today's way as well; two of its workers both get every alert.
TODAYS = (
    "worker: kill -9",
    "worker: the only one, kill -9, started again",
    "worker: the only one, SIGTERM, started again",
    "Redis: kill -9, back after 5 s with its data",
    "Redis: SIGSTOP for 15 s",
    "Redis: out of memory for 5 s",
    "Redis: kill -9, back with an older snapshot",
    "Kafka: stopped for 5 s, started again",
    "Kafka: connections half open for 15 s",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One fault on one task broker in one pool."""

    fault: Fault
    task_broker: str
    pool: str
    way: Way = OURS

    def __str__(self) -> str:
        return f"{self.fault.name} | {self.task_broker} | {self.pool}"


def find(name: str) -> Fault:
    """Return the fault of this name."""
    (found,) = [fault for fault in FAULTS if fault.name == name]
    return found


def rows(wanted: str = "") -> Iterator[Row]:
    """Return the lines whose text matches a regular expression."""
    for fault in FAULTS:
        for task_broker in fault.task_brokers:
            for pool in fault.pools:
                row = Row(fault, task_broker, pool)
                if re.search(wanted, str(row)):
                    yield row


def todays_rows(way: Way, wanted: str = "") -> Iterator[Row]:
    """Return the lines of the comparison: what deployments meet, on Redis with prefork."""
    for name in TODAYS:
        row = Row(find(name), "redis", "prefork", way)
        if re.search(wanted, str(row)):
            yield row
