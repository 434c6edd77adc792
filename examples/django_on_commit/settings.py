# SPDX-License-Identifier: BSD-3-Clause
SECRET_KEY = "only for an example"  # noqa: S105
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_on_commit.urls"
INSTALLED_APPS = ["django_on_commit"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

CELERY_BROKER_URL = "redis://localhost/0"
CELERY_IGWN_ALERT_GROUP = "gracedb-playground"
CELERY_IGWN_ALERT_PUBLISH_QUEUE = "sends"
