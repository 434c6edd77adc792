# SPDX-License-Identifier: BSD-3-Clause
"""How often `listen` tries again: igwn-alert's ``-r``, ``-t`` and ``-w``."""

from __future__ import annotations

import time

from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.report import problem
from igwn_alert_celery.errors import RetryableError

__all__ = ["Retries"]


class Retries:
    """Counts failures in a row.

    Parameters
    ----------
    flags : Flags
    """

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._failures = 0

    def succeeded(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def failed(self, exc: RetryableError) -> None:
        """Wait for another try, or raise the error again."""
        self._failures += 1
        flags = self._flags
        if not flags.retry_on_fatal or self._failures > flags.listen_retries:
            raise exc
        again = f"trying again ({self._failures} of {flags.listen_retries})"
        problem(f"{exc}; {again} in {flags.retry_wait_s:g} s")
        time.sleep(flags.retry_wait_s)
