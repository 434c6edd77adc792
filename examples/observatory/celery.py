# SPDX-License-Identifier: BSD-3-Clause
# An app whose handlers live in other modules: `celery -A observatory worker`.
from celery import Celery
from igwn_alert_celery import IGWNAlert

app = Celery("observatory", broker="redis://localhost/0", include=["observatory.telescope"])
igwn_alert = IGWNAlert(app, group="gracedb-playground")

# The other way to the same end: imports observatory.archive.
app.autodiscover_tasks(["observatory"], related_name="archive")
