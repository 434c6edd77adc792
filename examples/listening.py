# SPDX-License-Identifier: BSD-3-Clause
import json

from igwn_alert_celery import client


def process_alert(topic, payload):
    alert = json.loads(payload)
    print(f"{topic}: {alert['uid']} {alert['alert_type']}")


if __name__ == "__main__":
    client(group="gracedb-playground").listen(process_alert, ["superevent", "cbc_*"])
