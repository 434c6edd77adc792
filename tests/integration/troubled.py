# SPDX-License-Identifier: BSD-3-Clause
"""The usual app, whose receiver fails or hangs at the alerts that ask for it."""

import time

from igwn_alert_celery.worker import writer
from tests.integration.followup import app, igwn_alert

__all__ = ["app"]


def hangs(alert):
    """Filter an alert, and never come back from one whose type says so."""
    while alert.alert_type == "hang":
        time.sleep(600)
    return True


@igwn_alert.handler("superevent", where=hangs)
def third(alert):
    pass


def announce(sender, metrics, before, ready, outcome):
    """Fail as only a mistake of ours would, once what was asked for is written."""
    if any(prepared.alert and prepared.alert.alert_type == "fail" for prepared in ready):
        raise ZeroDivisionError("asked for")
    return _announce(sender, metrics, before, ready, outcome)


_announce, writer.announce = writer.announce, announce
