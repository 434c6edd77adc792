# SPDX-License-Identifier: BSD-3-Clause
# An app that sends: `celery -A publishing worker -Q sends` runs the sends, and anything else that
# imports this file, such as a web site or a script, orders them.
from celery import Celery, chain
from igwn_alert_celery import IGWNAlert

app = Celery("publishing", broker="redis://localhost/0", backend="redis://localhost/1")
igwn_alert = IGWNAlert(app, group="gracedb-playground", publish_queue="sends")


@app.task
def classify(uid):
    return {"uid": uid, "alert_type": "update", "data": {"p_astro": 0.97}}


def announce(alert):
    return igwn_alert.publish("superevent", alert, key=True)


def announce_in_time(alert):
    return igwn_alert.publish("superevent", alert, options={"expires": 300})


def announce_history(alerts):
    return igwn_alert.publish_many(
        {"topic": "superevent", "alert": alert, "key": True} for alert in alerts
    )


def classify_and_announce(uid):
    return chain(classify.s(uid), igwn_alert.publisher.s("superevent", key=True)).delay()
