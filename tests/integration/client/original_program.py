# SPDX-License-Identifier: BSD-3-Clause
"""A program for the real igwn-alert 0.7.0: run by its Python, it knows nothing of this package.

Arguments: ``listen``, ``publish`` or ``queue``; host, port, group, consumer group or ``-``, topic.
``listen`` prints one JSON line for each alert, the others send the messages in standard input, a
JSON list.
"""

import json
import sys

from igwn_alert import client


def main(action, host, port, group, consumer_group, topic):
    alert_client = client(
        noauth=True,
        server=f"kafka://{host}/",
        port=int(port),
        group=group,
        consumer_group=None if consumer_group == "-" else consumer_group,
    )
    if action == "listen":
        alert_client.listen(show, topic)
        return
    messages = json.loads(sys.stdin.read())
    if action == "publish":
        for message in messages:
            alert_client.publish(topic, message)
    else:
        alert_client.connect(topic)
        for message in messages:
            alert_client.publish_to_topic(topic, message)
        alert_client.flush_by_topic(topic)
        alert_client.disconnect()


def show(topic, payload):
    # As gwcelery opens it.
    alert = json.loads(payload) if isinstance(payload, (str, bytes)) else None
    line = {"topic": topic, "payload": payload, "type": type(payload).__name__, "alert": alert}
    print(json.dumps(line), flush=True)  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(*sys.argv[1:])
