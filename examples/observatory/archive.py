# SPDX-License-Identifier: BSD-3-Clause
from observatory.celery import igwn_alert


@igwn_alert.handler("superevent")
def keep(alert):
    print(f"keep {alert.alert_type} of {alert.uid}")
