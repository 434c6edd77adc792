# SPDX-License-Identifier: BSD-3-Clause
"""A batch that has been given to the task broker, and whose outcome is asked for later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from igwn_alert_celery.enqueue.batch import Outcome

__all__ = ["Writing", "Written"]


class Writing(Protocol):
    """A batch on its way. Either ``outcome`` or ``abandon`` has to follow, once."""

    def outcome(self) -> Outcome:
        """Wait for it; raises :exc:`TaskBrokerUnavailable`."""

    def abandon(self) -> None:
        """Leave it open whether it was written."""


@dataclass(frozen=True, slots=True)
class Written:
    """A batch whose outcome is known at once, as it is where each task is confirmed by itself."""

    result: Outcome

    def outcome(self) -> Outcome:
        """Return it."""
        return self.result

    def abandon(self) -> None:
        """Do nothing."""
