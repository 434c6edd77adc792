# SPDX-License-Identifier: BSD-3-Clause
from celery import Celery

from igwn_alert_celery.enqueue.safety import dangers, shown_url
from igwn_alert_celery.settings import Settings


def test_nothing_is_known_about_other_task_brokers():
    app = Celery("followup", broker="memory://", set_as_current=False)
    assert dangers(app, Settings()) is None


def test_the_url_is_shown_without_its_password():
    app = Celery("followup", broker="redis://me:hunter2@redis.example/1", set_as_current=False)
    assert "hunter2" not in shown_url(app)
    assert "redis.example" in shown_url(app)
