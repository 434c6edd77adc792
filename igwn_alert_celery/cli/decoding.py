# SPDX-License-Identifier: BSD-3-Clause
"""From a record to what is shown of it."""

from __future__ import annotations

from typing import Any

from igwn_alert_celery.cli.report import problem
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.view import Seen
from igwn_alert_celery.errors import PoisonRecord
from igwn_alert_celery.kafka.decode import decode
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.record import Record
from igwn_alert_celery.worker.pipeline import record_info

__all__ = ["Decoding"]


class Decoding:
    """Decodes as the receiver does; large messages are fetched.

    Parameters
    ----------
    target : Target
    config : dict
        The options of the Kafka client, with which the server of large messages is asked for.
    """

    def __init__(self, target: Target, config: dict[str, Any]) -> None:
        settings = target.settings
        self._settings = settings
        self._fetch = OffloadFetcher(
            config, target.credential, settings.offload_timeout_s, settings.max_bytes
        )

    def seen(self, record: Record) -> Seen | None:
        """Return the alert; None, and a line on stderr, where the record cannot be read."""
        short = self._settings.short_topic(record.topic)
        try:
            decoded = decode(record, max_bytes=self._settings.max_bytes, fetch=self._fetch)
        except PoisonRecord as exc:
            place = f"{record.topic}[{record.partition}] at offset {record.offset}"
            problem(f"{place} cannot be read: {exc}")
            return None
        return Seen(
            record.topic,
            short,
            decoded.content,
            decoded.json.decode("utf-8", "replace"),
            record.timestamp_ms,
            record_info(record, short, redelivered=False).as_header(),
        )
