# SPDX-License-Identifier: BSD-3-Clause
from django.db import models


class Label(models.Model):
    superevent = models.CharField(max_length=20)
    name = models.CharField(max_length=40)
