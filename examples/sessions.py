# SPDX-License-Identifier: BSD-3-Clause
import json

from igwn_alert_celery import client
from igwn_alert_celery.errors import SendError

sender = client(group="gracedb-playground")
alert = {"uid": "T1", "alert_type": "new", "data": {}, "object": {}}

sender.publish("test_superevent", json.dumps(alert))  # returns when Kafka has it

sender.connect(["test_superevent", "mdc_superevent"])
for number in range(100):
    sender.publish_to_topic("test_superevent", json.dumps({**alert, "uid": f"T{number}"}))
try:
    sender.disconnect()
except SendError as exc:
    print(f"not everything arrived: {exc}")
