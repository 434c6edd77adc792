# SPDX-License-Identifier: BSD-3-Clause
"""A worker without any bridge: what Celery itself costs."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from benchmarks import environment as env
from benchmarks.alerts import number_of
from benchmarks.notes import Notes

__all__ = ["app"]

app = Celery("plain", broker=os.environ[env.TASK_BROKER])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ[env.QUEUE]
notes = Notes(os.environ[env.NOTES])


@app.task(name="bench.handle_0")
def handle(alert: Any) -> None:
    """Note that an alert's handler starts."""
    notes.add(number_of(alert))
