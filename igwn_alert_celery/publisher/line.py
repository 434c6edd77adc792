# SPDX-License-Identifier: BSD-3-Clause
"""An open way to Kafka, for one process: a producer, and where too large records are stored."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kombu.utils.compat import detect_environment

from igwn_alert_celery.errors import ConfigError, SendError, SendRefused
from igwn_alert_celery.kafka.client import consumer_config, producer_config
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.kafka.upload import Uploader
from igwn_alert_celery.kafka.verdict import is_too_large
from igwn_alert_celery.publisher.alone import Alone
from igwn_alert_celery.settings import Settings

__all__ = ["Line"]

# librdkafka looks for overdue records once a second.
_REPORT_S = 15.0
# With more batches on their way than Kafka takes at once, librdkafka's thread spins until an answer
# comes; so few batches, as large as librdkafka makes them.
_BATCH_BYTES = 1_000_000
# Kafka wants a group to be named where its server of large messages is asked for; nobody joins it.
_READER = "igwn-alert-celery"


@dataclass(frozen=True, slots=True)
class Line:
    """Sends records; thread-safe.

    Attributes
    ----------
    settings : Settings
        It is good for these alone.
    username : str or None
        Who sends.
    """

    settings: Settings = field(repr=False)
    username: str | None
    _producer: Producer = field(repr=False)
    _alone: Alone = field(repr=False)
    _upload: Uploader = field(repr=False)

    @classmethod
    def open(cls, settings: Settings) -> Line:
        """Read the credential and make the producer; connects nowhere yet.

        Raises
        ------
        SendRefused
            A setting or the credential is wrong.
        """
        try:
            credential = load_credential(settings, os.environ)
            _check_pool(credential)
            config = producer_config(settings, credential, _BATCH_BYTES)
            producer = Producer(config)
        except ConfigError as exc:
            raise SendRefused(f"nothing can be sent: {exc}", code="config") from exc
        username = credential.username if credential else None
        group = f"{username}-{_READER}" if username else _READER
        reading = consumer_config(settings, credential, group)
        upload = Uploader(reading, credential, settings.publish_timeout_s)
        return cls(settings, username, producer, Alone(config), upload)

    @property
    def is_broken(self) -> bool:
        """Whether another one has to be opened."""
        return self._producer.is_broken

    def send(self, records: Sequence[OutgoingRecord]) -> list[Delivery | SendError]:
        """Send records and wait for their final reports; blocks for ``publish_timeout_s``.

        What was in too large a batch is sent again, and what is too large itself is stored
        elsewhere, one after the other: each takes as long again.
        """
        timeout_s = self.settings.publish_timeout_s + _REPORT_S
        reports = self._producer.send(records, timeout_s)
        self._send_alone(records, reports, timeout_s)
        for place, report in enumerate(reports):
            if is_too_large(report):
                reports[place] = self._send_elsewhere(records[place], timeout_s)
        return reports

    def close(self, timeout_s: float) -> int:
        """Send what is left, for so long, and close; return how many records were not sent."""
        deadline = time.monotonic() + timeout_s
        left = self._producer.close(timeout_s)
        return left + self._alone.close(max(deadline - time.monotonic(), 0.0))

    def _send_alone(
        self,
        records: Sequence[OutgoingRecord],
        reports: list[Delivery | SendError],
        timeout_s: float,
    ) -> None:
        """Send again what may only have been in too large a batch, and replace its reports."""
        places = [
            place
            for place, report in enumerate(reports)
            if is_too_large(report) and self._alone.may_help(records[place])
        ]
        if places:
            again = self._alone.send([records[place] for place in places], timeout_s)
            for place, report in zip(places, again, strict=True):
                reports[place] = report

    def _send_elsewhere(self, record: OutgoingRecord, timeout_s: float) -> Delivery | SendError:
        try:
            placeholder = self._upload(record)
        except SendError as exc:
            return exc
        return self._producer.send([placeholder], timeout_s)[0]


def _check_pool(credential: Any) -> None:
    if credential and credential.token_command and detect_environment() == "gevent":
        # gevent runs other programs from its main thread alone.
        raise ConfigError(
            "the credential's token_command cannot run under -P gevent: send from a worker with "
            "another pool, such as prefork or threads"
        )
