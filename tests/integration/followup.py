# SPDX-License-Identifier: BSD-3-Clause
"""The app that real workers run in these tests: two handlers write down what they were given."""

import os

import redis
from celery import Celery

from igwn_alert_celery import IGWNAlert

app = Celery("followup", broker=os.environ["FOLLOWUP_BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ["FOLLOWUP_QUEUE"]
# A schedule of nothing, so that -B has something to start.
app.conf.beat_schedule_filename = os.environ["FOLLOWUP_SCHEDULE"]
igwn_alert = IGWNAlert(app, group="gracedb-test", noauth=True)
ran = redis.Redis.from_url(os.environ["FOLLOWUP_RAN"])


@igwn_alert.handler("superevent")
def first(alert):
    ran.rpush("first", str(alert["uid"]))


@igwn_alert.handler("super*", alert_type="new")
def second(alert):
    record = alert.record
    ran.rpush("second", f"{alert.uid} {record.topic} {record.partition} {record.offset}")
