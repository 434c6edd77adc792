# SPDX-License-Identifier: BSD-3-Clause
"""What ends a playground before its time."""

from __future__ import annotations

from igwn_alert_celery.errors import IGWNAlertError

__all__ = ["Ended", "PlaygroundError"]


class PlaygroundError(IGWNAlertError):
    """The playground cannot go on; the text says why, and what to do."""


class Ended(Exception):
    """Somebody asked for the end, by the signal ``signum``."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
