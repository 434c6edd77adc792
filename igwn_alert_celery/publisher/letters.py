# SPDX-License-Identifier: BSD-3-Clause
"""The dead letter of a record of ours that Kafka will not have."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from igwn_alert_celery import signals
from igwn_alert_celery.consumer_group import consumer_group_of
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.late import keep_late
from igwn_alert_celery.enqueue.opening import make_enqueuer
from igwn_alert_celery.errors import ConfigError
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.kafka.producer import OutgoingRecord
from igwn_alert_celery.record import Record
from igwn_alert_celery.settings import Settings

__all__ = ["group_of_letters", "keep_letter", "unsent_letter"]

logger = logging.getLogger(__name__)


def unsent_letter(record: OutgoingRecord, reason: str, error: str, task_name: str) -> DeadLetter:
    """Return the dead letter of a record that was not sent; it has no offset."""
    now_ms = int(time.time() * 1000)
    unsent = Record(record.topic, -1, -1, now_ms, record.key, record.value, record.headers)
    return DeadLetter.from_record(unsent, reason, error, handler=task_name)


def keep_letter(bridge: Any, letter: DeadLetter) -> None:
    """Keep a dead letter where the receiver keeps its own, and announce it.

    Blocks on the task broker.

    Raises
    ------
    TaskBrokerUnavailable
        It could not be kept.
    ConfigError
        It cannot be kept there.
    """
    settings: Settings = bridge.settings
    keep_late(make_enqueuer(bridge.app, settings, group_of_letters(bridge)), letter)
    logger.error("%s is kept as a dead letter: %s: %s", letter.topic, letter.reason, letter.error)
    signals.alert_dead_lettered.send(sender=bridge, dead_letter=letter)


def group_of_letters(bridge: Any) -> str:
    """Return the consumer group whose dead letters are an app's; an app that only sends has none.

    It names the file where the task broker is not Redis.
    """
    settings: Settings = bridge.settings
    try:
        credential = load_credential(settings, os.environ)
        username = credential.username if credential else None
        return consumer_group_of(settings, username, bridge.app.main)
    except ConfigError:
        return bridge.app.main or "igwn-alert"
