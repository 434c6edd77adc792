# SPDX-License-Identifier: BSD-3-Clause
"""Do all receivers of a consumer group have the same handlers? Each commit says which it has."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable

from igwn_alert_celery.handlers import Registry
from igwn_alert_celery.kafka.cluster import Commit
from igwn_alert_celery.worker.commit_note import CommitNote

__all__ = ["handlers_mark", "warn_of_other_handlers"]

logger = logging.getLogger(__name__)


def handlers_mark(registry: Registry) -> str:
    """Return a short text that is the same for the same handlers, topics and filters."""
    handlers = sorted(
        repr(
            (
                sub.task_name,
                sub.topics,
                sorted(sub.alert_types or ()),
                sorted(sub.labels),
                sub.max_age_s,
            )
        )
        for sub in registry.subscriptions
    )
    return hashlib.sha256("\n".join(handlers).encode()).hexdigest()[:8]


def warn_of_other_handlers(mine: str, commits: Iterable[Commit]) -> bool:
    """Warn when a receiver with other handlers works in the group now; returns whether it does."""
    notes = (CommitNote.read(commit.metadata) for commit in commits)
    # A receiver that leaves in order takes its mark back.
    others = {note.handlers for note in notes if note is not None and note.is_live(time.time())}
    if not others - {mine, ""}:
        return False
    logger.warning(
        "another receiver of this consumer group has other handlers (or had, and was killed just "
        "now): what an alert becomes depends on who receives it; run the same code on all workers"
    )
    return True
