# SPDX-License-Identifier: BSD-3-Clause
"""The app of a stock Celery worker whose handlers write down what they are given."""

import json
import os
from dataclasses import asdict

import redis
from celery import Celery
from kombu import Queue

from igwn_alert_celery import Alert, IGWNAlert

__all__ = ["COMPRESSION", "RAN", "app_of"]

#: A Redis list, outside the app's prefix.
RAN = "ran"
COMPRESSION = os.environ.get("STOCK_COMPRESSION", "gzip")


def app_of(url):
    """Return the app, with handlers for each way that a message can take."""
    app = Celery("stock", broker=url, set_as_current=False)
    app.conf.update(
        accept_content=["json", "pickle"],
        broker_transport_options={
            "global_keyprefix": "stock:",
            "priority_steps": [0, 1],
            "sep": ":",
        },
        task_queues=[Queue("celery"), Queue("urgent")],
        task_routes={"stock.urgent": {"queue": "urgent", "priority": 1}},
        worker_hijack_root_logger=False,
    )
    igwn_alert = IGWNAlert(app, group="gracedb", noauth=True, enabled=False)
    packing = {"serializer": "pickle", "compression": COMPRESSION}
    for name, options in {"plain": {}, "urgent": {}, "packed": packing}.items():
        igwn_alert.handler("superevent", name=f"stock.{name}", bind=True, **options)(_writer(url))
    return app


def _writer(url):
    def write(self, alert):
        info = alert.record
        seen = {
            "id": self.request.id,
            "type": type(alert) is Alert,
            "alert": repr(dict(alert)),
            "record": info and asdict(info),
            "priority": self.request.delivery_info["priority"],
            "routing_key": self.request.delivery_info["routing_key"],
        }
        with redis.Redis.from_url(url) as client:
            client.rpush(RAN, json.dumps(seen))

    return write


app = app_of(os.environ.get("STOCK_REDIS", "memory://"))
