# SPDX-License-Identifier: BSD-3-Clause
"""What lies on a topic, by our reader."""

from __future__ import annotations

import time
from typing import Any

from igwn_alert_celery.kafka.client import reader_config
from igwn_alert_celery.kafka.reader import Reader
from igwn_alert_celery.record import Record
from igwn_alert_celery.settings import Settings

__all__ = ["open_reader", "read_all"]


def open_reader(kafka: Any, topics: list[str], start: str | int = "latest") -> Reader:
    """Return a reader of full topics."""
    settings = Settings(server=f"kafka://{kafka.bootstrap}/")
    return Reader(reader_config(settings, None, None), topics, start)


def read_all(kafka: Any, topic: str) -> list[Record]:
    """Return all records of a topic, by time."""
    reader = open_reader(kafka, [topic], "earliest")
    found: list[Record] = []
    deadline = time.monotonic() + 90
    try:
        while not reader.at_ends():
            assert time.monotonic() < deadline, "the ends are not reached"
            found += reader.poll(0.1, 100)[0]
    finally:
        reader.close()
    return sorted(found, key=lambda record: (record.timestamp_ms, record.partition, record.offset))
