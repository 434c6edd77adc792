# SPDX-License-Identifier: BSD-3-Clause
"""For how long has a Kafka client been asked in vain?"""

from __future__ import annotations

import time

__all__ = ["Silence"]


class Silence:
    """Counts from the first question without an answer to the end of the last one.

    Attributes
    ----------
    seconds : float
        0 where the last question was answered; it does not grow while nobody asks.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self.seconds = 0.0

    def asked_in_vain(self, asked_at: float) -> None:
        """Note that a question, asked at this ``time.monotonic()``, has got no answer until now."""
        if self._since is None:
            self._since = asked_at
        self.seconds = time.monotonic() - self._since

    def answered(self) -> None:
        """Note an answer, whatever it was."""
        self._since, self.seconds = None, 0.0
