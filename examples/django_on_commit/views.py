# SPDX-License-Identifier: BSD-3-Clause
from functools import partial

from django.db import transaction
from django.http import HttpResponse, HttpResponseNotAllowed

from django_on_commit.celery import igwn_alert
from django_on_commit.models import Label


@transaction.atomic
def label(request, superevent, name):
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    Label.objects.create(superevent=superevent, name=name)
    alert = {
        "uid": superevent,
        "alert_type": "label_added",
        "data": {"name": name},
        "object": {"superevent_id": superevent, "labels": [name]},
    }
    # A rollback sends nothing, and whoever gets the alert finds the label in the database.
    transaction.on_commit(partial(igwn_alert.publish, "superevent", alert, key=True))
    if name == "wrong":
        raise ValueError(name)  # after which there is neither label nor alert
    return HttpResponse(status=201)
