# SPDX-License-Identifier: BSD-3-Clause
"""igwn-alert 0.7.0's defaults, under its names."""

from __future__ import annotations

from datetime import timedelta

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "DEFAULT_BATCH_TIMEOUT",
    "DEFAULT_GROUP",
    "DEFAULT_LISTEN_RETRIES",
    "DEFAULT_PORT",
    "DEFAULT_RETRY_WAIT",
    "DEFAULT_SERVER",
]

DEFAULT_SERVER = "kafka://kafka.scimma.org/"
DEFAULT_PORT = 9092
DEFAULT_GROUP = "gracedb"
DEFAULT_BATCH_SIZE = 1
DEFAULT_BATCH_TIMEOUT = timedelta(seconds=0.2)
DEFAULT_LISTEN_RETRIES = 3
DEFAULT_RETRY_WAIT = 0.1
