# SPDX-License-Identifier: BSD-3-Clause
"""What sends through this package's publisher task, and a task that does nothing, to compare with.

The worker notes when each task began and had done what it was sent for.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun, task_success

from benchmarks import environment as env
from benchmarks.notes import Notes
from igwn_alert_celery import IGWNAlert

__all__ = ["app", "echo", "igwn_alert"]

app = Celery("bench", broker=os.environ[env.TASK_BROKER])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ[env.QUEUE]
igwn_alert = IGWNAlert(app, noauth=True)
notes = Notes(os.environ[env.NOTES])


@app.task(name="bench.echo", acks_late=True, ignore_result=True)
def echo(*_: Any, **__: Any) -> None:
    """Do nothing: a task's way there, without what it does."""


@task_prerun.connect
def begun(task_id: str, **_: Any) -> None:
    """Note when a task began."""
    notes.add(f"begun {task_id}")


@task_success.connect
def done(sender: Any, **_: Any) -> None:
    """Note when it had done what it was sent for."""
    notes.add(f"done {sender.request.id}")
