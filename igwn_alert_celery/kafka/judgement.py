# SPDX-License-Identifier: BSD-3-Clause
"""What a producer makes of Kafka's answers over time: delivered, refused, or to be tried again."""

from __future__ import annotations

import logging
import time
from typing import Any

from confluent_kafka import KafkaError

from igwn_alert_celery.errors import KafkaRefused, SendError, SendFailed, SendRefused
from igwn_alert_celery.kafka.refusals import Refusals
from igwn_alert_celery.kafka.reports import Delivery
from igwn_alert_celery.kafka.verdict import CREDENTIAL, UNKNOWN_TOPIC, is_lasting, send_error

__all__ = ["Judgement"]

logger = logging.getLogger(__name__)

# So long it may only be a password that is being changed.
_REFUSED_S = 3.0
# librdkafka tries again at least every second: no refusal for so long is none any more.
_LAPSE_S = 5.0
_DOUBT_S = 5.0
# librdkafka's own.
_USUAL_TIMEOUT_MS = 300_000


class Judgement:
    """For the producer's native thread, but for what tells its state.

    Parameters
    ----------
    config : dict
        librdkafka's options. Holds secrets: never logged.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._known: set[str] = set()
        self._doubted: dict[str, float] = {}
        self._refusals = Refusals(config)
        self._refusal = ""
        # Since when Kafka refuses, and when it did so last.
        self._refused_at: float | None = None
        self._last_refused_at = 0.0
        self._is_fatal = False
        # Since when records' time was over, with none delivered in between.
        self._timed_out_at: float | None = None
        self._timeout_s = float(config.get("message.timeout.ms", _USUAL_TIMEOUT_MS)) / 1000

    def note(self, error: Any) -> None:
        """Take an error of librdkafka's that belongs to no record (``error_cb``)."""
        self._refusals(error)
        if error.fatal():
            self._is_fatal = True
            logger.error("the Kafka producer has failed and is made anew: %s", error.str())
        if is_lasting(error):
            now = time.monotonic()
            if self._refused_at is None or now - self._last_refused_at > _LAPSE_S:
                self._refused_at, self._refusal = now, ""
            self._last_refused_at = now
            if now - self._refused_at > _REFUSED_S:
                self._refusal = self._reason(error)

    def delivered(self, message: Any) -> Delivery:
        """Return the report of a record that Kafka has acknowledged."""
        self._known.add(message.topic())
        self._doubted.pop(message.topic(), None)
        self._refusals.last, self._refusal, self._refused_at = "", "", None
        self._timed_out_at = None
        return Delivery(
            message.topic(),
            message.partition(),
            message.offset(),
            message.timestamp()[1],
            round(1000 * message.latency(), 3),
        )

    def failed(self, error: Any, topic: str) -> SendError:
        """Return the report of a record that was not sent."""
        if self._refusal and error.code() == KafkaError._PURGE_QUEUE:  # noqa: SLF001 - its public name
            return SendRefused(self._refusal, topic, CREDENTIAL)
        if error.code() == KafkaError._MSG_TIMED_OUT:  # noqa: SLF001 - the same
            self._timed_out_at = self._timed_out_at or time.monotonic()
        found = send_error(error, topic, self._refusals.last)
        if found.code == UNKNOWN_TOPIC and self._is_doubtful(topic):
            return SendFailed(str(found), topic, UNKNOWN_TOPIC)
        return found

    def refuses(self) -> bool:
        """Whether Kafka refuses the credential for good: nothing that waits would be sent."""
        return bool(self._refusal) and time.monotonic() - self._last_refused_at < _LAPSE_S

    def is_broken(self, waiting: int) -> bool:
        """Whether librdkafka has given up, or may never find Kafka again, while so many wait.

        See :mod:`igwn_alert_celery.kafka.handles`. One whose records still wait is given more time,
        as they may arrive.
        """
        if self._timed_out_at is None:
            return self._is_fatal
        waited_s = time.monotonic() - self._timed_out_at
        return self._is_fatal or not waiting or waited_s > self._timeout_s

    def _is_doubtful(self, topic: str) -> bool:
        """Whether a topic may be there all the same: a broker that has just started may not know
        all of them yet, so it is believed about a known one only some seconds later.
        """
        if topic not in self._known:
            return False
        first = self._doubted.setdefault(topic, time.monotonic())
        if time.monotonic() - first < _DOUBT_S:
            return True
        self._known.discard(topic)
        del self._doubted[topic]
        return False

    def _reason(self, error: Any) -> str:
        try:
            self._refusals.check()
        except KafkaRefused as exc:
            return str(exc)
        return str(error.str())
