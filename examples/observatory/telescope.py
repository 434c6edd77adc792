# SPDX-License-Identifier: BSD-3-Clause
from observatory.celery import igwn_alert


@igwn_alert.handler("superevent", alert_type="new")
def slew(alert):
    print(f"slew to {alert.uid}")
