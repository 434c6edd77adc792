# SPDX-License-Identifier: BSD-3-Clause
# A Django site that sends an alert when, and only when, its own change is in the database.
from django_on_commit.celery import app

__all__ = ["app"]
