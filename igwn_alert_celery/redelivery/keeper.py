# SPDX-License-Identifier: BSD-3-Clause
"""Keeps a message as kombu stores it as a dead letter: for the heart, which gives a task up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery
from kombu.serialization import prepare_accept_content

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.redelivery.letters import message_letter
from igwn_alert_celery.redelivery.link import Linked
from igwn_alert_celery.settings import Settings

__all__ = ["Keeper"]

logger = logging.getLogger(__name__)


class Keeper:
    """For the heart's thread.

    Parameters
    ----------
    app : celery.Celery
    settings : Settings
    kept : callable
        Is told of each dead letter that was kept.
    """

    def __init__(self, app: Celery, settings: Settings, kept: Callable[[DeadLetter], None]) -> None:
        self._app = app
        self._topic_prefix = settings.topic_prefix
        self._kept = kept
        self.max_attempts = settings.max_attempts

    def keep(self, linked: Linked, message: dict[str, Any], reason: str, error: str) -> bool:
        """Keep a handler's task message; return whether that was possible.

        Raises what redis-py does, and TaskBrokerUnavailable.
        """
        try:
            letter = self._letter(linked, message, reason, error)
        except Exception:
            # Border: another app's task, whose serializer this app does not accept.
            logger.exception("igwn-alert: a task cannot be made a dead letter here")
            return False
        linked.dead_letters.add(letter)
        self._kept(letter)
        return True

    def _letter(
        self, linked: Linked, message: dict[str, Any], reason: str, error: str
    ) -> DeadLetter:
        accept = prepare_accept_content(self._app.conf.accept_content)
        readable = linked.channel.Message(message, channel=linked.channel, accept=accept)
        return message_letter(readable, self._topic_prefix, reason, error)
