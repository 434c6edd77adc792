# SPDX-License-Identifier: BSD-3-Clause
"""The app that the end-to-end tests run: two handlers that write down what they were given."""

import os

import redis
from celery import Celery

from igwn_alert_celery import IGWNAlert

URL = os.environ["FOLLOWUP_REDIS"]
app = Celery("followup", broker=URL)
igwn_alert = IGWNAlert(app, group="gracedb-test", noauth=True)
ran = redis.Redis.from_url(URL)


@igwn_alert.handler("superevent")
def first(alert):
    ran.rpush("first", alert["uid"])


@igwn_alert.handler("superevent", alert_type="new")
def second(alert):
    ran.rpush("second", f"{alert.uid} {alert.record.topic} {alert.record.partition is not None}")
