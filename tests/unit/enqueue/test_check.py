# SPDX-License-Identifier: BSD-3-Clause
"""Settings under which alerts would be lost are refused before the first one comes."""

import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.enqueue.check import check_app
from igwn_alert_celery.errors import ConfigError


def app_of(conf=(), **options):
    app = Celery("followup", broker="memory://", set_as_current=False)
    app.conf.update(conf)
    igwn_alert = IGWNAlert(app, group="gracedb", noauth=True)

    @igwn_alert.handler("superevent", name="m.handler", **options)
    def handler(alert):
        return alert

    return app


@pytest.mark.parametrize(
    ("conf", "options"),
    [
        ({}, {}),
        ({}, {"compression": "gzip"}),
        ({"accept_content": ["pickle", "json"]}, {"serializer": "pickle"}),
        ({"accept_content": ["application/json"]}, {}),
        ({"task_compression": "bzip2"}, {}),
    ],
)
def test_what_works_passes(conf, options):
    check_app(app_of(conf, **options))


@pytest.mark.parametrize(
    ("conf", "options", "text"),
    [
        ({"task_always_eager": True}, {}, "task_always_eager"),
        ({"task_protocol": 1}, {}, "task_protocol"),
        ({"task_serializer": "pickle"}, {}, "m.handler: .*throw.*'pickle' is not in accept_cont"),
        ({}, {"serializer": "pickle"}, "m.handler: .*accept_content = \\['json'\\]"),
        ({}, {"serializer": "jsn"}, "m.handler: serializer 'jsn' is none of \\['json'"),
        (
            {"task_compression": "zst"},
            {},
            "m.handler: compression 'zst' is not installed .*backports",
        ),
        ({}, {"compression": "br"}, "m.handler: compression 'br' is not installed$"),
    ],
)
def test_what_loses_alerts_is_refused(conf, options, text):
    with pytest.raises(ConfigError, match=text) as caught:
        check_app(app_of(conf, **options))
    assert len(str(caught.value).splitlines()) == 1


def test_other_tasks_are_none_of_our_business():
    app = app_of()

    @app.task(serializer="pickle", compression="none such")
    def other():
        return None

    check_app(app)
