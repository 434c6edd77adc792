# SPDX-License-Identifier: BSD-3-Clause
"""The app that real workers run under fire: one handler that writes down when it ran.

A second handler, with a queue that nobody consumes, keeps count on the task broker itself: each
message in there was enqueued, whatever becomes of the consuming.
"""

import os
import time

from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.signals import alert_enqueued
from tests.faults.diary import Diary

COUNTED = os.environ["FAULTS_COUNTED_QUEUE"]
HANDLING_S = float(os.environ.get("FAULTS_HANDLING_S", "0.01"))

app = Celery("faults", broker=os.environ["FAULTS_BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ["FAULTS_QUEUE"]
igwn_alert = IGWNAlert(app, noauth=True)
diary = Diary(os.environ["FAULTS_DIARY"])


@igwn_alert.handler("superevent", bind=True, name="faults.handle")
def handle(self, alert):
    request = self.request
    what = {
        "task": request.id,
        "tag": str((request.properties or {}).get("delivery_tag", "")),
        "again": bool(request.delivery_info.get("redelivered") or alert.record.redelivered),
    }
    diary.note("start", int(alert["uid"]), **what)
    time.sleep(HANDLING_S)
    diary.note("end", int(alert["uid"]), **what)


if COUNTED:  # a soak would fill the task broker

    @igwn_alert.handler("superevent", queue=COUNTED, name="faults.counted")
    def counted(alert):
        raise AssertionError("nobody consumes this queue")


@alert_enqueued.connect(weak=False)
def enqueued(alert, task_ids, **_):
    diary.note("enqueued", int(alert["uid"]))
