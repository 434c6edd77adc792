# SPDX-License-Identifier: BSD-3-Clause
# Watch topics without a handler: no task is created, only the signals are sent.
# They run on the receiver's thread, so they must be short.
from celery import Celery
from igwn_alert_celery import IGWNAlert, signals

app = Celery("signals_only", broker="redis://localhost/0")
igwn_alert = IGWNAlert(app, group="gracedb-playground", topics=["superevent", "cbc_*"])


@signals.alert_received.connect
def received(alert, **_):
    print(f"received {alert.record.topic} {alert.uid}")


@signals.alert_dead_lettered.connect
def dead_lettered(dead_letter, **_):
    print(f"dead letter {dead_letter.reason}")


@signals.receiver_state_changed.connect
def changed(state, **_):
    print(f"receiver {state}")
