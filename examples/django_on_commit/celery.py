# SPDX-License-Identifier: BSD-3-Clause
# The worker that sends: `celery -A django_on_commit worker -Q sends`. The site itself needs no
# Kafka credential, and no connection to Kafka.
import os

from celery import Celery
from igwn_alert_celery import IGWNAlert

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_on_commit.settings")

app = Celery("django_on_commit")
app.config_from_object("django.conf:settings", namespace="CELERY")
igwn_alert = IGWNAlert(app)
