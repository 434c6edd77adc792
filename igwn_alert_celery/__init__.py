# SPDX-License-Identifier: BSD-3-Clause
"""igwn-alerts become Celery tasks: enqueued exactly once, handled at least once."""

from igwn_alert_celery import errors, signals
from igwn_alert_celery.alert import Alert
from igwn_alert_celery.bridge import IGWNAlert

# As in igwn-alert, the class has the name of its package, and replaces it as an attribute here.
from igwn_alert_celery.client import client

__all__ = ["Alert", "IGWNAlert", "__version__", "client", "errors", "signals"]

__version__ = "0.1.0"
