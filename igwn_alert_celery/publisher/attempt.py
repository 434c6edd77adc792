# SPDX-License-Identifier: BSD-3-Clause
"""One try of a task to send its shipment: what becomes of each record, and whether to try again."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any

from igwn_alert_celery.errors import (
    ConfigError,
    HandlerError,
    SendError,
    SendFailed,
    SendRefused,
    TaskBrokerUnavailable,
)
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord
from igwn_alert_celery.publisher.letters import keep_letter, unsent_letter
from igwn_alert_celery.publisher.shipment import Shipment
from igwn_alert_celery.task import put_back

__all__ = ["attempt", "keep_unpacked", "pause_s"]

logger = logging.getLogger(__name__)

_GIVEN_UP = "send_failed"
_MOST_SHOWN = 100_000

Reports = dict[str, Delivery | SendError]
Records = dict[str, OutgoingRecord]


def attempt(task: Any, shipment: Shipment) -> dict[str, SendFailed]:
    """Send what is pending; return what is worth another try.

    What is refused, and what fails in the last try, is settled, and kept as a dead letter; where
    that cannot be kept, it is tried again.
    """
    records, reports = _send(task.igwn_alert, shipment)
    is_last = _is_last(task)
    again: dict[str, SendFailed] = {}
    for number, report in reports.items():
        if isinstance(report, SendFailed) and not is_last:
            again[number] = report
            continue
        try:
            if isinstance(report, SendError):
                _keep(task, records[number], report)
        except TaskBrokerUnavailable as exc:
            # Not put back: the message as it came would send again what is acknowledged by now.
            text = f"{report}; and its dead letter cannot be kept yet: {exc}"
            again[number] = SendFailed(text, records[number].topic)
            continue
        shipment.settle(number, report)
    return again


def pause_s(retries: int, longest_s: float) -> float:
    """Return the pause before another try: doubling, with jitter, so that not all come at once."""
    whole: float = min(2.0 ** min(retries, 20), longest_s)
    return random.uniform(0.75, 1.0) * whole


def _send(bridge: Any, shipment: Shipment) -> tuple[Records, Reports]:
    prefix = bridge.settings.topic_prefix
    try:
        records = shipment.pending(prefix, bridge.sender.username)
        reports = bridge.sender.send(list(records.values()))
    except SendRefused as exc:
        # There is no producer to be had; the next one with a right credential may be.
        records = shipment.pending(prefix, None)
        return records, dict.fromkeys(records, exc)
    except Exception as exc:
        # Border: whatever it was, the records are not lost.
        logger.exception("the send failed unexpectedly")
        records = shipment.pending(prefix, None)
        error = SendRefused(f"unexpected {type(exc).__name__}: {exc}", code="unexpected")
        return records, dict.fromkeys(records, error)
    return records, dict(zip(records, reports, strict=True))


def _is_last(task: Any) -> bool:
    request = task.request
    return bool(
        request.called_directly or request.retries >= task.igwn_alert.settings.publish_retries
    )


def keep_unpacked(
    task: Any, args: Sequence[Any], kwargs: Mapping[str, Any], error: HandlerError | SendRefused
) -> None:
    """Keep what a task was given and cannot send, such as a canvas's result that is no alert."""
    names = ("alert",) if "topic" in kwargs else ("topic", "alert")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    topic = f"{task.igwn_alert.settings.topic_prefix}{given.get('topic')}"
    value = repr(given.get("alert"))[:_MOST_SHOWN].encode(errors="backslashreplace")
    try:
        _keep(task, OutgoingRecord(topic=topic, value=value), error)
    except TaskBrokerUnavailable as exc:
        raise put_back(exc) from exc


def _keep(task: Any, record: OutgoingRecord, error: SendError | HandlerError) -> None:
    if task.request.called_directly:
        return  # whoever called has the error itself
    reason = _GIVEN_UP if isinstance(error, SendFailed) else getattr(error, "code", "bad_topic")
    letter = unsent_letter(record, reason, str(error), task.name)
    try:
        keep_letter(task.igwn_alert, letter)
    except ConfigError as exc:
        logger.critical(
            "%s: a record that was not sent (%s) cannot be kept as a dead letter either: %s",
            record.topic,
            error,
            exc,
        )
