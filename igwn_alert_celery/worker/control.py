# SPDX-License-Identifier: BSD-3-Clause
"""Remote control of the receivers, by Celery's: which topics they read, and to take some out.

``celery -A app control igwn_alert_unsubscribe superevent`` and ``celery -A app inspect
igwn_alert_topics``; the command line ``igwn-alert unsubscribe`` uses both. They run on the worker's
own thread, so they only note what is wanted; the receiver does it on its thread, between batches.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.worker.control import control_command, inspect_command

from igwn_alert_celery.worker.taken_out import TakenOut

__all__ = ["TOPICS", "UNSUBSCRIBE", "register_commands"]

logger = logging.getLogger(__name__)

UNSUBSCRIBE = "igwn_alert_unsubscribe"
TOPICS = "igwn_alert_topics"


def register_commands() -> None:
    """Let the workers of this process answer; Celery's register is one for all apps."""
    control_command(
        name=UNSUBSCRIBE, args=[("topics", str)], variadic="topics", signature="topic1 [… [topicN]]"
    )(unsubscribe)
    inspect_command(name=TOPICS)(topics)


def unsubscribe(state: Any, topics: list[str] | None = None, **_: Any) -> dict[str, Any]:
    """Take topics out of the receiver, until the worker is started again."""
    bridge = getattr(state.app, "igwn_alert", None)
    if bridge is None:
        return {"error": "this app has no IGWNAlert"}
    metrics = bridge.metrics
    asked = tuple(topics or ())
    unknown = [topic for topic in asked if not _is_wanted(topic, bridge)]
    if unknown or not asked:
        wanted = ", ".join(bridge.topics) or "nothing"
        return {"error": f"{', '.join(unknown) or 'no topic'}: the app asks for {wanted}"}
    # Replaced as a whole: the receiver's thread reads it.
    metrics.unsubscribed = tuple(dict.fromkeys((*metrics.unsubscribed, *asked)))
    logger.warning("igwn-alert: asked to take out %s, until this worker ends", ", ".join(asked))
    return {"ok": f"taking out {', '.join(asked)}"}


def topics(state: Any, **_: Any) -> dict[str, Any]:
    """Show which topics the receiver reads, and which were taken out."""
    bridge = getattr(state.app, "igwn_alert", None)
    if bridge is None:
        return {"error": "this app has no IGWNAlert"}
    metrics = bridge.metrics
    return {
        "state": metrics.state.value,
        "topics": list(metrics.topics),
        "unsubscribed_topics": list(metrics.unsubscribed),
    }


def _is_wanted(topic: str, bridge: Any) -> bool:
    """Whether taking it out could leave anything out."""
    asked, read = TakenOut((topic,)), bridge.metrics.topics
    return any(
        asked.covers(name) or TakenOut((name,)).covers(topic) for name in (*bridge.topics, *read)
    )
