# SPDX-License-Identifier: BSD-3-Clause
"""Run by the tests: an example, a worker on the memory transport, and alerts for it.

``python deliver.py MODULE ALERTS`` in the folder of the example; the alerts are a JSON list
of pairs of topic and alert. Prints what the example prints, and a line after each alert.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading

from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun

__all__ = ["main"]


def main(module: str, alerts: str) -> None:
    """Deliver each alert, and wait until every task that it became has run."""
    sys.path.insert(0, "")
    example = importlib.import_module(module)
    app, igwn_alert = example.app, example.igwn_alert
    app.conf.update(
        broker_url="memory://",
        broker_transport_options={"polling_interval": 0.01},
        igwn_alert_enabled=False,
    )
    app.loader.import_default_modules()
    app.finalize()
    done: set[str] = set()
    news = threading.Event()

    def postrun(task_id: str, state: str, **_: object) -> None:
        if state != "SUCCESS":
            raise SystemExit(f"{task_id}: {state}")
        done.add(task_id)
        news.set()

    task_postrun.connect(postrun)
    queues = {"celery", *(route["queue"] for route in (app.conf.task_routes or {}).values())}
    with start_worker(app, perform_ping_check=False, queues=sorted(queues)):
        for topic, alert in json.loads(alerts):
            wanted = {result.id for result in igwn_alert.deliver(topic, alert)}
            while not wanted <= done:
                if not news.wait(60):
                    raise SystemExit(f"not run: {wanted - done}")
                news.clear()
            sys.stdout.write("--\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
