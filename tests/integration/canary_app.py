# SPDX-License-Identifier: BSD-3-Clause
"""The app of test_canaries: its handler shows what it can of everything, and fails."""

import json
import logging
import os

from celery import Celery

from igwn_alert_celery import IGWNAlert

app = Celery("followup", broker=os.environ["CANARY_BROKER"], backend=os.environ["CANARY_BACKEND"])
app.conf.broker_connection_retry_on_startup = True
app.conf.update(json.loads(os.environ["CANARY_CONF"]))
igwn_alert = IGWNAlert(app)


@igwn_alert.handler("superevent", ignore_result=False)
def show_and_fail(alert):
    shown = [igwn_alert, igwn_alert.settings, app, app.conf, igwn_alert.status(), alert.record]
    logging.getLogger(__name__).warning("all of it: %s", [repr(each) for each in shown])
    raise ValueError(*map(repr, shown))
