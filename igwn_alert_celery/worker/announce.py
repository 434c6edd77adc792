# SPDX-License-Identifier: BSD-3-Clause
"""Say what has become of records: counters, the log and the signals, once they are written."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from igwn_alert_celery import signals
from igwn_alert_celery.alert import whole
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import Outcome
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.worker.pipeline import Prepared
from igwn_alert_celery.worker.signalling import send_signal

__all__ = ["announce", "announce_letter"]

logger = logging.getLogger(__name__)


def announce(
    sender: Any, metrics: Metrics, before: int, ready: Iterable[Prepared], outcome: Outcome
) -> None:
    """Announce the records of one written batch.

    Parameters
    ----------
    sender : IGWNAlert
        The signals' sender.
    metrics : Metrics
        Its counters go up.
    before : int
        The ledger's position before; what lies below it was written, and announced, earlier.
    ready : iterable of Prepared
        The batch's records.
    outcome : Outcome
        What the ledger said.
    """
    counters = metrics.counters
    counters["skipped_by_ledger"] += outcome.skipped
    counters["dead_letters_evicted"] += len(outcome.evicted)
    if outcome.evicted:
        logger.error("%d old dead letters were pushed out by the bound", len(outcome.evicted))
    new = [prepared for prepared in ready if prepared.entry.offset >= before]
    counters["received"] += len(new)
    counters["enqueued"] += sum(len(prepared.task_ids) for prepared in new)
    for prepared in new:
        _announce_one(sender, metrics, prepared)
    for letter in outcome.kept:
        announce_letter(sender, metrics, letter)


def _announce_one(sender: Any, metrics: Metrics, prepared: Prepared) -> None:
    if prepared.skipped:
        metrics.counters[f"skipped_{prepared.skipped}"] += 1
        logger.info("test record skipped (igwn_alert_ignore_test = False takes them)")
    for letter in prepared.entry.dead_letters:
        announce_letter(sender, metrics, letter)
    if prepared.alert is not None:
        metrics.last_alert_at = time.time()
        if signals.alert_enqueued.receivers:
            alert, ids = whole(prepared.alert), prepared.task_ids
            send_signal(signals.alert_enqueued, sender, alert=alert, task_ids=ids)


def announce_letter(sender: Any, metrics: Metrics, letter: DeadLetter) -> None:
    """Announce a dead letter that is kept."""
    metrics.counters["dead_letters"] += 1
    logger.error(
        "%s[%d]@%d is kept as a dead letter: %s: %s",
        letter.topic,
        letter.partition,
        letter.offset,
        letter.reason,
        letter.error,
        extra={"topic": letter.topic, "partition": letter.partition, "offset": letter.offset},
    )
    send_signal(signals.alert_dead_lettered, sender, dead_letter=letter)
