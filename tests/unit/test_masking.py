# SPDX-License-Identifier: BSD-3-Clause
"""No secret in what Celery shows of the configuration, whenever and however it was set."""

import pytest
from celery import Celery
from celery.app.utils import Settings, bugreport

from igwn_alert_celery import IGWNAlert

OPTIONS = {"sasl.oauthbearer.config": "canary-1", "sasl.username": "canary-2"}


class Source:
    igwn_alert_kafka_options = OPTIONS
    igwn_alert_password = "canary-3"
    igwn_alert_username = "me"


class Spaced:
    CELERY_IGWN_ALERT_KAFKA_OPTIONS = OPTIONS
    CELERY_IGWN_ALERT_PASSWORD = "canary-3"
    CELERY_IGWN_ALERT_USERNAME = "me"


def from_object(app):
    app.config_from_object(Source)


def from_namespace(app):
    app.config_from_object(Spaced, namespace="CELERY")


def one_by_one(app):
    app.conf.update({k: v for k, v in vars(Source).items() if k[0] != "_"})


def after_a_first_look(app):
    assert app.conf.task_serializer == "json"
    app.conf.igwn_alert_kafka_options = OPTIONS
    app.conf.igwn_alert_password = "canary-3"
    app.conf.igwn_alert_username = "me"


def a_second_time(app):
    assert app.conf.task_serializer == "json"
    app.config_from_object(Source, force=True)


WAYS = [from_object, from_namespace, one_by_one, after_a_first_look, a_second_time]


@pytest.mark.parametrize("configure", WAYS)
@pytest.mark.parametrize("first", ["bound", "configured"])
def test_secrets_are_masked_and_still_read(configure, first):
    app = Celery("followup", broker="memory://", set_as_current=False)
    if first == "configured":
        configure(app)
        bridge = IGWNAlert(app)
    else:
        bridge = IGWNAlert(app)
        configure(app)
    shown = f"{app.conf.table()} {app.conf.table(with_defaults=True)} {app.conf.humanize()}"
    assert "canary" not in shown + bugreport(app) + repr(bridge) + repr(bridge.settings)
    assert "canary" not in f"{app.conf} {app.conf!r}"
    assert "igwn_alert_kafka_options" in shown.lower()
    assert bridge.settings.kafka_options == OPTIONS
    assert bridge.settings.password == "canary-3"
    assert "canary-1" in str(app.conf.table(censored=False))
    assert "canary-1" in str(app.conf.table(False, False))


def test_the_configuration_is_celerys_own_but_for_what_it_shows():
    app = Celery("followup", broker="redis://me:canary@localhost/0", set_as_current=False)
    IGWNAlert(app)
    app.conf.task_routes = {"a": {"queue": "b"}}
    assert isinstance(app.conf, Settings)
    assert app.conf.task_routes == {"a": {"queue": "b"}}
    assert "'task_routes': {'a': {'queue': 'b'}}" in repr(app.conf)
    assert "canary" not in repr(app.conf)
    assert app.conf.broker_url == "redis://me:canary@localhost/0"
