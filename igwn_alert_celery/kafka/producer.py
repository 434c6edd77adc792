# SPDX-License-Identifier: BSD-3-Clause
"""One idempotent Kafka producer of this process, with a final delivery report for each record."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import confluent_kafka

from igwn_alert_celery.errors import ConfigError, SendError, SendFailed, SendRefused
from igwn_alert_celery.kafka.client_log import librdkafka_logger
from igwn_alert_celery.kafka.encode import check_headers
from igwn_alert_celery.kafka.inherited import keep, let_go
from igwn_alert_celery.kafka.judgement import Judgement
from igwn_alert_celery.kafka.reports import Delivery, OnReport, OutgoingRecord, Reports
from igwn_alert_celery.native import start_native_thread

__all__ = ["Delivery", "OutgoingRecord", "Producer"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1
_FULL_S = 0.01
_LAST_REPORTS_S = 2.0


class Producer:
    """Thread-safe, also beside gevent and eventlet; only for the process that made it.

    ``acks=all`` and librdkafka's idempotence are what :func:`producer_config` sets: what a record
    meets on its way to the final report, a broker's restart included, neither loses nor repeats it.
    A native thread takes the reports as they come and wakes whoever waits for them.

    Parameters
    ----------
    config : dict
        librdkafka's options. Holds secrets: never logged.

    Raises
    ------
    ConfigError
        librdkafka refuses an option.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._judgement = Judgement(config)
        watched = {"logger": librdkafka_logger(), **config, "error_cb": self._judgement.note}
        try:
            self._producer: Any = confluent_kafka.Producer(watched)
        except confluent_kafka.KafkaException as exc:
            raise ConfigError(
                f"librdkafka refuses the configuration ({exc.args[0].str()}): correct "
                "igwn_alert_kafka_options"
            ) from None
        keep(self._producer)
        self._pid = os.getpid()
        self._ending = self._ended = False
        start_native_thread(self._serve, "igwn-alert-producer")

    @property
    def is_broken(self) -> bool:
        """Whether it may never send anything again: make another one."""
        return self._judgement.is_broken(len(self._producer))

    def send(
        self, records: Sequence[OutgoingRecord], timeout_s: float
    ) -> list[Delivery | SendError]:
        """Send records, pipelined and in order, and wait for the report of each.

        Blocks the calling thread or greenlet for ``timeout_s``, and for as long before that while
        librdkafka has no room. Each report is final, but for ``SendFailed.is_final = False`` where
        the time was over first: such a record may still be sent. ``message.timeout.ms`` bounds the
        waiting for a final one.
        """
        self._check_process()
        batch = Reports(records)
        deadline = time.monotonic() + timeout_s
        for number, record in enumerate(records):
            self._put(record, partial(batch.take, number), deadline)
        # The time limit of each begins when librdkafka has it; room for the last may come late.
        return batch.wait(time.monotonic() + timeout_s)

    def queue(self, record: OutgoingRecord, on_report: OnReport) -> None:
        """Queue a record and return; ``on_report`` is called once, with the final report.

        It is called from the producer's own native thread (or at once, when the record cannot be
        queued), must be short, and must not wait for another thread.
        """
        self._check_process()
        self._put(record, on_report, 0.0)

    def flush(self, timeout_s: float) -> int:
        """Wait until every record has its report; return how many have none."""
        self._check_process()
        deadline = time.monotonic() + timeout_s
        while (left := len(self._producer)) and time.monotonic() < deadline:
            time.sleep(_FULL_S)
        return left

    def close(self, timeout_s: float) -> int:
        """Flush and end; return how many records were not delivered. Idempotent.

        Those are given up, and whoever waits for them is told; one that was on its way to Kafka
        just then may have arrived all the same.
        """
        if self._ending:
            return 0
        left = self.flush(timeout_s)
        if left:
            self._producer.purge(blocking=False)
            self.flush(_LAST_REPORTS_S)
        self._ending = True
        deadline = time.monotonic() + _LAST_REPORTS_S
        while not self._ended and time.monotonic() < deadline:
            time.sleep(_FULL_S)
        if self._ended:
            let_go(self._producer)
        return left

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise ConfigError(
                "a Kafka producer belongs to the process that made it: make another after fork"
            )

    def _put(self, record: OutgoingRecord, on_report: OnReport, deadline: float) -> None:
        report = partial(self._report, record.topic, on_report)
        try:
            check_headers(record.headers)
        except SendRefused as exc:
            return on_report(exc)
        while not self._ending:
            try:
                return self._produce(record, report)
            except BufferError:
                if time.monotonic() > deadline:
                    break
                time.sleep(_FULL_S)
            except confluent_kafka.KafkaException as exc:
                return report(exc.args[0], None)
        state = "is closed" if self._ending else "has too many records waiting"
        return on_report(SendFailed(f"the Kafka producer {state}", record.topic))

    def _produce(self, record: OutgoingRecord, report: Callable[[Any, Any], None]) -> None:
        self._producer.produce(
            record.topic,
            record.value,
            record.key,
            headers=list(record.headers),
            on_delivery=report,
        )

    def _report(self, topic: str, on_report: OnReport, error: Any, message: Any) -> None:
        judgement = self._judgement
        found = judgement.delivered(message) if error is None else judgement.failed(error, topic)
        try:
            on_report(found)
        except Exception:
            # Border: the caller's code, on the thread that serves all others too.
            logger.exception("a delivery report of %s was not taken", topic)

    def _serve(self) -> None:
        while not self._ending:
            try:
                self._producer.poll(_POLL_S)
                if self._judgement.refuses():
                    # Not before the time-out either would any of these be sent.
                    self._producer.purge(in_flight=False, blocking=False)
            except Exception:
                # Border: whatever it was, the other reports must come.
                logger.exception("the Kafka producer's thread goes on after an error")
        self._ended = True
