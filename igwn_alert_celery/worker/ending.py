# SPDX-License-Identifier: BSD-3-Clause
"""Ends the whole worker because its receiver has failed."""

from __future__ import annotations

import logging

from celery.platforms import EX_FAILURE
from celery.worker import state

__all__ = ["end_worker"]

logger = logging.getLogger(__name__)


def end_worker(reason: str) -> None:
    """Have Celery shut the worker down, warm, with exit code 1; any thread; returns at once.

    Celery's own loops look at this flag in every round, under each pool, also while the task
    broker is away: its signal handlers set the same one (``celery/apps/worker.py``).
    """
    # Beware: EX_OK is 0, and means that it ends.
    if state.should_stop is not None and state.should_stop is not False:
        return  # it ends already, and the first reason counts
    logger.critical("igwn-alert: the worker is shut down: %s", reason)
    state.should_stop = EX_FAILURE
