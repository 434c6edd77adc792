# SPDX-License-Identifier: BSD-3-Clause
# Which alerts does a handler get? A task that nobody wants is never created.
from celery import Celery
from igwn_alert_celery import IGWNAlert

app = Celery("filters", broker="redis://localhost/0")
igwn_alert = IGWNAlert(app, group="gracedb-playground")

# Queues and priorities are Celery's routes, as for any task.
app.conf.task_routes = {"filters.slew": {"queue": "telescope", "priority": 9}}

PER_YEAR_HZ = 1 / (365.25 * 24 * 3600)


# By type: one, or several.
@igwn_alert.handler("superevent", alert_type={"new", "update"})
def redraw(alert):
    print("redraw", alert.uid)


# By labels: the superevent carries all of these.
@igwn_alert.handler("superevent", alert_type="label_added", labels={"EM_Selected", "PASTRO_READY"})
def draft_circular(alert):
    print("draft a circular for", alert.uid)


# By anything else, on all topics that match the pattern, those created later included.
@igwn_alert.handler(
    "cbc_*", where=lambda alert: alert.far is not None and alert.far < 12 * PER_YEAR_HZ
)
def look_at(alert):
    print("look at", alert.uid, "from", alert.record.topic)


# Never for an alert older than ten minutes. `time_limit` is one of Celery's task options.
@igwn_alert.handler("superevent", alert_type="new", max_age_s=600, time_limit=120)
def slew(alert):
    print("slew to", alert.uid)


# Stacked: either of them is enough. Task options go to the innermost; here Celery tries again
# while the network is away.
@igwn_alert.handler("mdc_superevent", alert_type="new")
@igwn_alert.handler("superevent", alert_type="signoff_created", autoretry_for=(OSError,))
def announce(alert):
    print("announce", alert.uid)
