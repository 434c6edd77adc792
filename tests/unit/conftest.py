# SPDX-License-Identifier: BSD-3-Clause
"""An app, and the bridge bound to it."""

import pytest

from igwn_alert_celery import IGWNAlert
from tests.unit.apps import new_app


@pytest.fixture
def app():
    return new_app()


@pytest.fixture
def bridge(app):
    return IGWNAlert(app, group="gracedb", noauth=True)
