# SPDX-License-Identifier: BSD-3-Clause
"""A worker without any bridge: what Celery itself costs."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks import environment as env

__all__ = ["app"]

app = Celery("plain", broker=os.environ[env.TASK_BROKER])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ[env.QUEUE]


@app.task(name="bench.handle_0")
def handle() -> None:
    """Do nothing."""
