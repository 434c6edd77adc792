# SPDX-License-Identifier: BSD-3-Clause
"""Send a signal from the receiver's thread, whatever its receivers do."""

from __future__ import annotations

import logging
from typing import Any

from celery.utils.dispatch import Signal

__all__ = ["send_signal"]

logger = logging.getLogger(__name__)


def send_signal(signal: Signal, sender: Any, **named: Any) -> None:
    """Call the signal's receivers; none of them can end the receiver's thread.

    Celery logs an ``Exception`` and goes on; ``SystemExit``, a green time-out and the like go
    through it.
    """
    try:
        signal.send(sender=sender, **named)
    except BaseException:
        logger.exception("a receiver of the signal %s raised", signal.name)
