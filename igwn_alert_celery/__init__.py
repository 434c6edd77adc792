# SPDX-License-Identifier: BSD-3-Clause
"""igwn-alerts become Celery tasks: enqueued exactly once, handled at least once."""

from igwn_alert_celery import errors, signals
from igwn_alert_celery.alert import Alert
from igwn_alert_celery.bridge import IGWNAlert

__all__ = ["Alert", "IGWNAlert", "__version__", "errors", "signals"]

__version__ = "0.1.0"
