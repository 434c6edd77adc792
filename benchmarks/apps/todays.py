# SPDX-License-Identifier: BSD-3-Clause
"""Today's way: igwn-alert's listener in a bootstep, a signal, and a canvas ``group`` of tasks.

It runs on igwn-alert 0.7.0 in an environment of its own, and knows nothing of this package. Where
handlers want one type of alert only, each looks for itself, when it runs, as deployments have it.
"""

import json
import logging
import os
import threading
from urllib.parse import urlsplit

from celery import Celery, bootsteps
from celery import group as canvas_group
from celery.utils.dispatch import Signal
from igwn_alert import client

from benchmarks import environment as env
from benchmarks.alerts import TOPIC, number_of
from benchmarks.notes import Notes

__all__ = ["app"]

logger = logging.getLogger(__name__)
notes = Notes(os.environ[env.NOTES])
received = Signal(name="received", providing_args={"alert"})

app = Celery("todays_way", broker=os.environ[env.TASK_BROKER])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ[env.QUEUE]
app.conf.task_ignore_result = True


def _handler(number):
    @app.task(name=f"bench.handle_{number}", queue=os.environ[env.HANDLER_QUEUE], shared=False)
    def handle(alert):
        if os.environ.get(env.REJECTING) and alert["alert_type"] != "new":
            return
        notes.add(number_of(alert))

    return handle


handlers = [_handler(number) for number in range(int(os.environ[env.HANDLERS]))]


@received.connect
def dispatch(alert, **_):
    """Start every handler of the topic."""
    canvas_group(handler.s(alert) for handler in handlers).apply_async()


def on_message(topic, payload):
    """Take what the listener has received."""
    received.send(sender=topic, alert=json.loads(payload))


class Listener(bootsteps.StartStopStep):
    """A thread that listens as long as the consumer runs."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer):
        """Begin to listen, at what comes from now on."""
        server = urlsplit(os.environ["IGWN_ALERT_SERVER"])
        self._client = client(
            noauth=True,
            server=f"kafka://{server.hostname}/",
            port=server.port,
            group=os.environ["IGWN_ALERT_GROUP"],
        )
        threading.Thread(target=self._listen, name="listener", daemon=True).start()

    def stop(self, consumer):
        """Ask it to end."""
        self._client.stop_listening.set()

    def _listen(self):
        try:
            self._client.listen(on_message, [TOPIC])
        except BaseException:
            logger.exception("the listener has ended")
            raise


app.steps["consumer"].add(Listener)
