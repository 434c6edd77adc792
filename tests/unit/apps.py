# SPDX-License-Identifier: BSD-3-Clause
"""Apps for tests without a server."""

import uuid

from celery import Celery

__all__ = ["new_app"]


def new_app(name="followup", **options):
    """Return an app on kombu's memory transport, which keeps queues as long as the process lives:
    hence one of its own."""
    options["task_default_queue"] = uuid.uuid4().hex
    return Celery(name, broker="memory://", set_as_current=False, **options)
