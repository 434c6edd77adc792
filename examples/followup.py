# SPDX-License-Identifier: BSD-3-Clause
from celery import Celery
from igwn_alert_celery import IGWNAlert

app = Celery("followup", broker="redis://localhost/0")
igwn_alert = IGWNAlert(app, group="gracedb-playground")


@igwn_alert.handler("superevent", "mdc_superevent", alert_type="new")
def on_superevent(alert):
    print(f"{alert.uid}: {alert.alert_type}, FAR {alert.far} Hz")
