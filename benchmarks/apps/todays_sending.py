# SPDX-License-Identifier: BSD-3-Clause
"""Sends alerts as igwn-alert 0.7.0 does, in its own environment.

``single`` is its ``publish``, which opens a producer for each alert, as its users call it;
``batch`` its session, flushed after each batch.
"""

import json
import os
import sys
import time
from urllib.parse import urlsplit

from igwn_alert import client

from benchmarks.alerts import TOPIC, Alerts

__all__ = []

ALERTS = Alerts(9_800)
WARM = 2


def _single(sender, count, _batch):
    took = []
    for number in range(count + WARM):
        called = time.monotonic_ns()
        sender.publish(TOPIC, ALERTS.text(number))
        took.append((time.monotonic_ns() - called) / 1e6)
    took = took[WARM:]
    return {"took_ms": took, "sends_per_s": 1e3 * len(took) / sum(took)}


def _batch(sender, count, batch):
    sender.connect(TOPIC)
    sender.publish_to_topic(TOPIC, ALERTS.text(0))
    sender.flush_by_topic(TOPIC)
    called, used_s = time.monotonic_ns(), time.process_time()
    for first in range(0, count, batch):
        for number in range(first, min(first + batch, count)):
            sender.publish_to_topic(TOPIC, ALERTS.text(number))
        sender.flush_by_topic(TOPIC)
    rate = count / (time.monotonic_ns() - called) * 1e9
    used_s = time.process_time() - used_s
    sender.disconnect()
    return {"sends_per_s": rate, "caller_cpu_ms_per_alert": used_s * 1e3 / count}


def _main():
    mode, count, batch = sys.argv[1:]
    server = urlsplit(os.environ["IGWN_ALERT_SERVER"])
    sender = client(
        noauth=True,
        server=f"kafka://{server.hostname}/",
        port=server.port,
        group=os.environ["IGWN_ALERT_GROUP"],
    )
    found = {"single": _single, "batch": _batch}[mode](sender, int(count), int(batch))
    sys.stdout.write(f"SENT {json.dumps(found)}\n")


if __name__ == "__main__":
    _main()
