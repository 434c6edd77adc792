# SPDX-License-Identifier: BSD-3-Clause
"""Today's way, for comparison: igwn-alert's own listener in a bootstep that calls ``apply_async``.

Written for these tests after what deployments do; it runs on igwn-alert 0.7.0 in an environment of
its own, and knows nothing of this package. Its task notes what ours notes.
"""

import json
import logging
import os
import threading
import time
from urllib.parse import urlsplit

from celery import Celery, bootsteps
from igwn_alert import client

from tests.faults.diary import Diary

logger = logging.getLogger(__name__)
diary = Diary(os.environ["FAULTS_DIARY"])
HANDLING_S = float(os.environ.get("FAULTS_HANDLING_S", "0.01"))

app = Celery("todays_way", broker=os.environ["FAULTS_BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = os.environ["FAULTS_QUEUE"]
app.conf.task_ignore_result = True


@app.task(bind=True, name="faults.handle")
def handle(self, alert):
    request = self.request
    what = {
        "task": request.id,
        "tag": str((request.properties or {}).get("delivery_tag", "")),
        "again": bool(request.delivery_info.get("redelivered")),
    }
    diary.note("start", int(alert["uid"]), **what)
    time.sleep(HANDLING_S)
    diary.note("end", int(alert["uid"]), **what)


@app.task(name="faults.counted")
def counted(alert):
    raise AssertionError("nobody consumes this queue")


def dispatch(topic, payload):
    alert = json.loads(payload)
    try:
        handle.apply_async((alert,))
        counted.apply_async((alert,), queue=os.environ["FAULTS_COUNTED_QUEUE"])
    except Exception:
        # As a signal's receiver: Celery logs what it raises, and the listener goes on.
        logger.exception("alert %s could not be enqueued", alert["uid"])
        return
    diary.note("enqueued", int(alert["uid"]))


class Listener(bootsteps.StartStopStep):
    """A thread that listens as long as the worker runs."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker):
        server = urlsplit(os.environ["IGWN_ALERT_SERVER"])
        group = os.environ["IGWN_ALERT_GROUP"]
        self._client = client(
            noauth=True, server=f"kafka://{server.hostname}/", port=server.port, group=group
        )
        thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        thread.start()

    def stop(self, worker):
        self._client.stop_listening.set()

    def _listen(self):
        try:
            self._client.listen(dispatch, ["superevent"])
        except BaseException:
            logger.exception("the listener has ended")
            raise


app.steps["worker"].add(Listener)
