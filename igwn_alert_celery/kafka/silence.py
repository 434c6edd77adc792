# SPDX-License-Identifier: BSD-3-Clause
"""For how long has a Kafka client been asked in vain?"""

from __future__ import annotations

import time

__all__ = ["Silence"]


class Silence:
    """Counts from the first question without an answer to the end of the last one.

    Attributes
    ----------
    since, answered_at : float or None
        When the first of the questions in vain was asked, and the last answer came
        (``time.monotonic()``); None where there was none.
    seconds : float
        0 where the last question was answered; it does not grow while nobody asks.
    """

    def __init__(self) -> None:
        self.since: float | None = None
        self.answered_at: float | None = None
        self.seconds = 0.0

    def asked_in_vain(self, asked_at: float) -> None:
        """Note that a question, asked at this ``time.monotonic()``, has got no answer until now."""
        if self.since is None:
            self.since = asked_at
        self.seconds = time.monotonic() - self.since

    def answered(self) -> None:
        """Note an answer, whatever it was."""
        self.since, self.answered_at, self.seconds = None, time.monotonic(), 0.0
