# SPDX-License-Identifier: BSD-3-Clause
"""The way of this package: handlers, and nothing else. All promises stay on."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from benchmarks import environment as env
from benchmarks.alerts import TOPIC, number_of
from benchmarks.notes import Notes
from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.signals import alert_enqueued

__all__ = ["app", "igwn_alert"]

app = Celery("bench", broker=os.environ[env.TASK_BROKER])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ[env.QUEUE]
igwn_alert = IGWNAlert(app, noauth=True)
notes = Notes(os.environ[env.NOTES])


def _handle(topic: str, name: str) -> None:
    wanted: dict[str, Any] = {"alert_type": "new"} if os.environ.get(env.REJECTING) else {}

    @igwn_alert.handler(topic, name=name, queue=os.environ[env.HANDLER_QUEUE], **wanted)
    def handle(alert: Any) -> None:
        notes.add(number_of(alert))


for number in range(int(os.environ[env.HANDLERS])):
    _handle(TOPIC, f"bench.handle_{number}")
for number in range(int(os.environ.get(env.OTHER_TOPICS, "0"))):
    _handle(f"other_{number}", f"bench.other_{number}")


if os.environ.get(env.NOTING):

    @alert_enqueued.connect(weak=False)
    def enqueued(alert: Any, **_: Any) -> None:
        """Note when an alert is enqueued."""
        notes.add(f"enqueued {number_of(alert)}")
