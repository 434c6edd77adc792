# SPDX-License-Identifier: BSD-3-Clause
"""igwn-alert's client: the same names, so that another import is all that a program needs.

As in igwn-alert, ``client`` is this module's class and also the package's attribute of that name:
both ``from igwn_alert_celery import client`` and ``from igwn_alert_celery.client import client``
give the class.
"""

from igwn_alert_celery.client.alert_client import client
from igwn_alert_celery.client.defaults import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_BATCH_TIMEOUT,
    DEFAULT_GROUP,
    DEFAULT_LISTEN_RETRIES,
    DEFAULT_PORT,
    DEFAULT_RETRY_WAIT,
    DEFAULT_SERVER,
)

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "DEFAULT_BATCH_TIMEOUT",
    "DEFAULT_GROUP",
    "DEFAULT_LISTEN_RETRIES",
    "DEFAULT_PORT",
    "DEFAULT_RETRY_WAIT",
    "DEFAULT_SERVER",
    "client",
]
