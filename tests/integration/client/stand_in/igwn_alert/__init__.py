# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for igwn-alert, so that its own tests meet our client."""

import importlib
import os
import sys

# What is not replaced here (its exceptions) is the original's.
__path__.append(os.environ["ORIGINAL_IGWN_ALERT"])
sys.modules["igwn_alert.client"] = importlib.import_module("igwn_alert_celery.client")

from igwn_alert_celery.client import *  # noqa: E402, F403

__version__ = "0.7.0"
