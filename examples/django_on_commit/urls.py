# SPDX-License-Identifier: BSD-3-Clause
from django.urls import path

from django_on_commit.views import label

urlpatterns = [path("<superevent>/labels/<name>/", label)]
