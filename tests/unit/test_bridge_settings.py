# SPDX-License-Identifier: BSD-3-Clause
"""IGWNAlert and its settings: where they come from, when they are read, and what shows of them."""

import json

import pytest

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.errors import HandlerError, SettingsError


def handle(alert):
    return alert.uid


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"gruop": "x"}, r"igwn_alert_gruop = 'x' \(keyword\): .* did you mean group\?"),
        ({"port": "9092"}, r"igwn_alert_port = '9092' \(keyword\): give a whole number"),
        ({"password": 5}, r"igwn_alert_password = \*{8} \(keyword\)"),
    ],
)
def test_a_wrong_keyword_is_refused_at_once(keywords, text):
    with pytest.raises(SettingsError, match=text):
        IGWNAlert(**keywords)


def test_what_depends_on_other_sources_is_checked_later(app):
    bridge = IGWNAlert(app, topics=["gracedb.superevent"], noauth=True)
    app.conf.igwn_alert_group = "playground"
    assert bridge.topics == ("gracedb.superevent",)
    app.conf.igwn_alert_group = "gracedb"
    with pytest.raises(SettingsError, match="write 'superevent'"):
        _ = bridge.topics


def test_a_typo_in_the_configuration_is_refused_when_it_is_first_needed(app, bridge):
    app.conf.igwn_alert_grup = "x"
    with pytest.raises(SettingsError, match="did you mean igwn_alert_group"):
        _ = bridge.settings


def test_settings_follow_the_configuration(app):
    class Late:
        igwn_alert_group = "late"

    bridge = IGWNAlert(app, noauth=True)
    assert bridge.settings.group == "gracedb"
    assert bridge.settings is bridge.settings
    app.conf.igwn_alert_group = "playground"
    assert bridge.settings.group == "playground"
    app.config_from_object(Late)
    assert bridge.settings.group == "late"


def test_a_configuration_with_a_namespace(app, monkeypatch):
    class Source:
        CELERY_IGWN_ALERT_GROUP = "playground"
        CELERY_IGWN_ALERT_PORT = 1

    bridge = IGWNAlert(app, noauth=True, port=2)
    app.config_from_object(Source, namespace="CELERY")
    monkeypatch.setenv("IGWN_ALERT_MAX_BYTES", "3")
    monkeypatch.setenv("IGWN_ALERT_APP", "followup")
    monkeypatch.setenv("IGWN_ALERT_TEST_KAFKA", "localhost:9092")
    settings = bridge.settings
    assert (settings.group, settings.port, settings.max_bytes) == ("playground", 2, 3)


def test_a_topic_with_the_group_of_the_configuration_refuses_when_that_is_known(app, monkeypatch):
    bridge = IGWNAlert(app, noauth=True)
    bridge.handler("playground.superevent")(handle)
    app.conf.igwn_alert_group = "playground"
    with pytest.raises(HandlerError, match="write 'superevent'"):
        _ = bridge.settings
    monkeypatch.setenv("IGWN_ALERT_GROUP", "other")
    assert bridge.topics == ("playground.superevent",)
    with pytest.raises(HandlerError, match="write 'superevent'"):
        bridge.handler("other.superevent")


def test_topics_are_those_of_handlers_and_of_the_setting(app):
    bridge = IGWNAlert(app, topics=["x", "superevent"], noauth=True)
    bridge.handler("superevent", "cbc_*")(handle)
    assert bridge.topics == ("cbc_*", "superevent", "x")


def test_status_before_anything_runs(app, bridge):
    bridge.handler("superevent")(handle)
    said = bridge.status()
    assert json.loads(json.dumps(said)) == said
    assert (said["state"], said["topics"]) == ("stopped", [])
    assert said["handlers"] == [f"{__name__}.handle"]
    assert said["app"] == app.main
    assert not app.configured
    assert IGWNAlert().status()["handlers"] == []
    assert IGWNAlert().status()["app"] is None


def test_nothing_shows_a_secret(app):
    bridge = IGWNAlert(app, username="me", password="canary", kafka_options={"debug": "canary"})
    bridge.handler("superevent")(handle)
    shown = f"{bridge!r} {bridge} {bridge.settings!r} {bridge.status()} {app!r}"
    assert "canary" not in shown
