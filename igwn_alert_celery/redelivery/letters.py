# SPDX-License-Identifier: BSD-3-Clause
"""The dead letter of a task that has been enqueued, and will not be handled."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.letters import rebuilt_record
from igwn_alert_celery.task import HEADER

__all__ = ["message_letter"]

_NAMESPACE = uuid.UUID("0d1f0a5e-3f51-5b6e-8f6b-6f0a6d1d4c55")


def message_letter(
    message: Any, topic_prefix: str, reason: str, error: str, traceback: str = ""
) -> DeadLetter:
    """Return the dead letter of a handler's task message.

    It has the same id however often it is made, so that keeping it again changes nothing.

    Parameters
    ----------
    message : kombu.Message
        Of a handler's task.
    topic_prefix : str
        What the full topic begins with.
    reason, error, traceback : str
        Why.
    """
    headers = message.headers
    header = headers[HEADER]
    record = rebuilt_record(header, topic_prefix, _content(message, header))
    letter = DeadLetter.from_record(
        record, reason, error, traceback=traceback, handler=headers["task"]
    )
    return replace(letter, id=str(uuid.uuid5(_NAMESPACE, f"{headers['id']} {reason}")))


def _content(message: Any, header: dict[str, Any]) -> Any:
    args, kwargs, _ = message.payload
    value = args[0] if args else next(iter(kwargs.values()), None)
    return json.loads(value) if header.get("text") and isinstance(value, str) else value
