# SPDX-License-Identifier: BSD-3-Clause
"""The command ``igwn-alert``, also ``igwn-alert-celery`` and ``celery -A app igwn-alert``."""

from __future__ import annotations

import sys

from igwn_alert_celery.cli.command import igwn_alert

__all__ = ["main"]


def main() -> None:
    """Run the command and end this process with its exit code."""
    sys.exit(igwn_alert())
